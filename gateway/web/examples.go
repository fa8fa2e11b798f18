package web

import "p2pconnector/proto"

// examples are the frames that the page's console starts from. The page puts
// its own id in place of ME and its room in place of ROOM.
var examples = map[proto.Event]string{
	proto.Connect:      `{"event": "Connect", "to": "ME", "data": {"sdp": "v=0 …", "candidate": "candidate:1 …"}}`,
	proto.Offer:        `{"event": "Offer", "to": "ME", "data": {"description": {"type": "offer", "sdp": "v=0 …"}}}`,
	proto.Answer:       `{"event": "Answer", "to": "ME", "data": {"description": {"type": "answer", "sdp": "v=0 …"}}}`,
	proto.Candidate:    `{"event": "Candidate", "to": "ME", "data": {"candidate": {"candidate": "candidate:1 …", "sdpMid": "0"}}}`,
	proto.Message:      `{"event": "Message", "to": "ME", "data": "hello"}`,
	proto.CreateRoom:   `{"event": "Create_Room", "id": 1, "data": {"room": "ROOM", "name": "Tea at four", "capacity": 6}}`,
	proto.JoinRoom:     `{"event": "Join_Room", "id": 2, "data": {"room": "ROOM", "create": true, "metadata": {"name": "Ada"}}}`,
	proto.LeaveRoom:    `{"event": "Leave_Room", "id": 3, "data": {"room": "ROOM"}}`,
	proto.EndRoom:      `{"event": "End_Room", "id": 4, "data": {"room": "ROOM"}}`,
	proto.RemoveClient: `{"event": "Remove_Client", "id": 5, "data": {"room": "ROOM", "client": "ME"}}`,
	proto.UnbanClient:  `{"event": "Unban_Client", "id": 13, "data": {"room": "ROOM", "client": "ME"}}`,
	proto.SetRole:      `{"event": "Set_Role", "id": 14, "data": {"room": "ROOM", "client": "ME", "role": "moderator"}}`,
	proto.UpdateRoom:   `{"event": "Update_Room", "id": 6, "data": {"room": "ROOM", "locked": true}}`,
	proto.UpdateMember: `{"event": "Update_Member", "id": 12, "data": {"room": "ROOM", "metadata": {"name": "Ada", "hand": true}}}`,
	proto.AdmitClient:  `{"event": "Admit_Client", "id": 16, "data": {"room": "ROOM", "client": "ME"}}`,
	proto.RoomInfo:     `{"event": "Room_Info", "id": 7, "data": {"room": "ROOM"}}`,
	proto.Ping:         `{"event": "Ping", "id": 8}`,
	proto.Resume:       `{"event": "Resume", "id": 9, "data": {"session": "SESSION"}}`,
	proto.Authenticate: `{"event": "Authenticate", "id": 10, "data": {"token": "eyJ…"}}`,
	proto.IceServers:   `{"event": "Ice_Servers", "id": 11}`,
}

// chatExample is a whole chat in ten lines.
const chatExample = `import { connect } from "/connector.js";

const p2p = await connect();
const room = await p2p.joinRoom("tea", { create: true, metadata: { name: "Ada" } });
const show = (who, text) => document.querySelector("#log").append(who, ": ", text, "\n");
room.on("message", ({ from, data }) => show(room.member(from)?.metadata?.name ?? from, data));
document.querySelector("#say").addEventListener("change", ({ target }) => {
  room.send(target.value);
  show("You", target.value);
});
`

// callExample is a video call of as many as join, in fifteen lines.
const callExample = `import { connect } from "/connector.js";

const media = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
const p2p = await connect();
p2p.on("peer", (peer) => {
  const video = document.createElement("video");
  video.autoplay = video.playsInline = true;
  document.body.append(video);
  for (const track of media.getTracks()) peer.addTrack(track, media);
  peer.on("track", ({ streams }) => (video.srcObject = streams[0]));
  peer.on("close", () => video.remove());
});
const room = await p2p.joinRoom("standup", { create: true });
for (const { id } of room.others) p2p.connectPeer(id);
`
