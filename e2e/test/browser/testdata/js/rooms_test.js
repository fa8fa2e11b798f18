import { Connector } from "/connector.js";
import { fakeSockets, soon } from "./fakesocket.js";
import { equal, failure, ok, test } from "./harness.js";

async function begin(details) {
  const net = fakeSockets();
  const p2p = new Connector("ws://one/", { WebSocket: net.FakeSocket, backoff: soon, requestTimeout: 5_000 });
  const socket = await net.opened();
  socket.open();
  socket.greet("me", details);
  await p2p.ready;
  return { net, p2p, socket };
}

const update = (event, data, id) => ({ type: "update", event, data: { room: "r", name: "r", creator: "a", ...data }, id });

async function joined(clients = ["a", "me"]) {
  const all = await begin();
  const joining = all.p2p.joinRoom("r");
  await Promise.resolve();
  all.socket.say(update("Client_Added", { clients, revision: 5, client: "me", added: ["me"] }, all.socket.sent[0].id));
  return { ...all, room: await joining };
}

async function resume(net, data) {
  const socket = await net.opened();
  socket.open();
  socket.greet("fresh");
  socket.say({ type: "info", event: "Client_Details", data: { id: "me", session: "s", resumed: true, ...data } });
  return socket;
}

test("joining resolves with the room and its members", async () => {
  const { room, socket, p2p } = await joined();
  equal(socket.sent[0].event, "Join_Room");
  equal([room.id, room.members.map((m) => m.id), room.others.map((m) => m.id), room.isCreator], ["r", ["a", "me"], ["a"], false]);
  ok(p2p.rooms.get("r") === room, "it is in rooms");
});

test("members come and go as the server says", async () => {
  const { room, socket } = await joined();
  const seen = [];
  room.on("joined", ({ clients }) => seen.push(["+", clients.map((c) => c.id)]));
  room.on("left", ({ clients }) => seen.push(["-", clients]));
  socket.say(update("Client_Added", { clients: ["a", "me", "b"], revision: 6, client: "b", added: ["b"] }));
  socket.say(update("Client_Removed", { clients: ["me", "b"], creator: "me", revision: 7, client: "a", removed: ["a"], reason: "left" }));
  socket.say(update("Client_Added", { clients: ["a", "me"], revision: 6, added: ["a"] })); // late
  equal(seen, [["+", ["b"]], ["-", [{ id: "a", reason: "left" }]]]);
  equal([room.creator, room.isCreator, room.members.map((m) => m.id)], ["me", true, ["me", "b"]]);
});

test("messages of the room, of a peer, and their errors reach their place", async () => {
  const { p2p, room, socket } = await joined();
  const seen = [];
  room.on("message", ({ from, data }) => seen.push(["room", from, data]));
  p2p.on("message", ({ from, data }) => seen.push(["peer", from, data]));
  room.on("error", (err) => seen.push(["error", err.code, err.id]));
  socket.say({ event: "Message", from: "a", room: "r", data: 1 });
  socket.say({ event: "Message", from: "a", data: 2 });
  const id = room.send({ hi: 1 });
  equal(socket.sent.at(-1), { event: "Message", room: "r", data: { hi: 1 }, id });
  socket.say({ type: "error", event: "Not_Delivered", id, data: { message: "no", event: "Message", room: "r" } });
  equal(seen, [["room", "a", 1], ["peer", "a", 2], ["error", "Not_Delivered", id]]);
});

test("new ICE servers that come unasked are used by the calls that there are", async () => {
  const fresh = [{ urls: ["turn:fresh.example"], username: "u", credential: "new" }];
  const { p2p, socket } = await begin({ ice_servers: [{ urls: ["turn:old.example"], username: "u", credential: "old" }] });
  const own = { rtc: { iceServers: [{ urls: ["stun:own.example"] }] } };
  const [call, other] = [p2p.connectPeer("a"), p2p.connectPeer("b", own)];
  socket.say({ type: "info", event: "Ice_Servers", data: { ice_servers: fresh } });
  const used = (peer) => peer.pc.getConfiguration().iceServers.map((s) => [s.urls].flat()[0]);
  equal([used(call), used(other), p2p.iceServers], [["turn:fresh.example"], ["stun:own.example"], fresh]);
  p2p.close();
});

test("being removed, and the end of the room, close it", async () => {
  for (const [frame, reason] of [
    [update("Client_Removed", { clients: ["a"], revision: 9, client: "me", removed: ["me"], reason: "removed" }), "removed"],
    [update("Room_Deleted", { clients: ["a", "me"], revision: 9 }), "ended"],
  ]) {
    const { p2p, room, socket } = await joined();
    const closed = room.once("closed");
    socket.say(frame);
    equal([(await closed).reason, room.closed, p2p.rooms.size], [reason, true, 0]);
  }
});

test("one listener that fails does not keep the next from hearing", async () => {
  const { room, socket } = await joined();
  const reported = new Promise((resolve) => addEventListener("error", (e) => (e.preventDefault(), resolve(e.error.message)), { once: true }));
  let called = false;
  room.on("message", () => { throw new Error("a page's mistake"); });
  room.on("message", () => (called = true));
  socket.say({ event: "Message", from: "a", room: "r", data: 1 });
  ok(called, "the second listener was called");
  equal(await reported, "a page's mistake");
});

test("after a resume with nothing lost, rooms stay without a word", async () => {
  const { net, p2p, room, socket } = await joined();
  socket.drop();
  const second = await resume(net, { recovered: true, rooms: ["r"] });
  equal(second.sent.map((f) => f.event), ["Resume"]);
  ok(p2p.rooms.get("r") === room && !room.closed, "the same room");
});

test("after a resume with losses, rooms are asked for again", async () => {
  const { net, p2p, room, socket } = await joined();
  const left = room.once("left");
  socket.drop();
  const second = await resume(net, { recovered: false, rooms: ["r", "other"] });
  const asks = second.sent.slice(1);
  equal(asks.map((f) => [f.event, f.data.room]), [["Room_Info", "r"], ["Room_Info", "other"]]);
  second.say({ type: "info", event: "Room_Info", id: asks[0].id, data: { room: "r", name: "r", creator: "me", clients: ["me"], revision: 8 } });
  second.say({ type: "info", event: "Room_Info", id: asks[1].id, data: { room: "other", name: "o", creator: "me", clients: ["me"], revision: 3 } });
  equal((await left).clients[0].id, "a");
  equal([...p2p.rooms.keys()], ["r", "other"], "a room whose join was not answered is known now");
});

test("a room that is gone after a resume with losses is closed", async () => {
  const { net, room, socket } = await joined();
  const closed = room.once("closed");
  socket.drop();
  await resume(net, { recovered: false });
  equal((await closed).reason, "disconnected");
});

test("a lost session says so, with the rooms to join again", async () => {
  const { net, p2p, room, socket } = await joined();
  const reset = p2p.once("reset");
  const pending = failure(p2p.ping());
  await Promise.resolve();
  socket.drop();
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.say({ type: "error", event: "Not_Found", id: "resume", data: { message: "over" } });
  const r = await reset;
  equal([r.oldId, r.id, p2p.id, r.rooms, r.error.code], ["me", "fresh", "fresh", ["r"], "Not_Found"]);
  equal([room.closed, p2p.rooms.size, (await pending).code], [true, 0, "Closed"]);
});

test("a repeated join that was done shows the room all the same", async () => {
  const { net, p2p, socket } = await begin();
  const joining = p2p.joinRoom("r");
  await Promise.resolve();
  socket.drop();
  const second = await resume(net, { recovered: false });
  second.say({ type: "error", event: "Already_Exists", id: socket.sent[0].id, data: { message: "in it" } });
  while (second.sent.length < 3) await new Promise((r) => setTimeout(r));
  equal(second.sent[2].event, "Room_Info");
  second.say({ type: "info", event: "Room_Info", id: second.sent[2].id, data: { room: "r", name: "r", creator: "me", clients: ["me"], revision: 8 } });
  equal((await joining).id, "r");
});

test("a big room is followed by changes, and asked for when they do not fit", async () => {
  const { room, socket } = await joined();
  socket.say(update("Client_Added", { added: ["b"], count: 3, revision: 6 }));
  equal(room.members.length, 3);
  socket.say(update("Client_Added", { added: ["c"], count: 5, revision: 7 }));
  const ask = socket.sent.at(-1);
  equal(ask.event, "Room_Info");
  socket.say({ type: "info", event: "Room_Info", id: ask.id, data: { room: "r", name: "r", creator: "a", clients: ["a", "me", "b", "x", "c"], revision: 7 } });
  equal(room.members.map((m) => m.id), ["a", "me", "b", "x", "c"]);
});

test("a frame above the server's limit is refused here", async () => {
  const { p2p, socket } = await begin({ limits: { max_message_bytes: 1_000 } });
  equal((await failure(() => p2p.send("x", "ü".repeat(600)))).code, "Too_Big");
  equal((await failure(p2p.request("Message", "a".repeat(2_000)))).code, "Too_Big");
  equal(socket.sent, []);
});

test("nobody poses as the server", async () => {
  const { p2p, room, socket } = await joined();
  socket.say({ event: "Room_Deleted", from: "a", type: "update", data: { room: "r", clients: [] } });
  socket.say({ event: "Client_Details", from: "a", type: "info", data: { id: "other" } });
  equal([p2p.id, room.closed], ["me", false]);
});
