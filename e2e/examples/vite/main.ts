// A video call of everyone who opens the page, in TypeScript.

import { connect, type Member } from "peer2peer-connector";

interface Greeting {
  text: string;
}

const media = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
const p2p = await connect("/ws");
const say = (text: string) => (document.querySelector("#state")!.textContent = text);

p2p.on("peer", (peer) => {
  const video = document.createElement("video");
  video.autoplay = video.playsInline = true;
  document.body.append(video);
  for (const track of media.getTracks()) peer.addTrack(track, media);
  peer.on("track", ({ streams }) => (video.srcObject = streams[0] ?? null));
  peer.on("close", () => video.remove());
});

const room = await p2p.joinRoom("vite", { create: true });
room.on("change", ({ members }) => say(`${members.length} are here`));
room.on("joined", ({ clients }) => greet(clients));
room.on("message", ({ from, data }) => console.info(from, (data as Greeting).text));
say(`${room.members.length} are here`);
for (const { id } of room.others) p2p.connectPeer(id);

function greet(members: Member[]) {
  const greeting: Greeting = { text: `welcome, ${members.length} of you` };
  room.send(greeting);
}
