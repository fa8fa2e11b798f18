import { Connector } from "/connector.js";
import { fakeSockets, soon } from "./fakesocket.js";
import { equal, failure, ok, test } from "./harness.js";

const details = (data) => ({ type: "info", event: "Client_Details", data });
const waiting = (id) => ({ type: "info", event: "Join_Waiting", data: { room: "r" }, id });
const admitted = { type: "update", event: "Client_Added", data: { room: "r", creator: "a", locked: true, clients: ["a", "me"], added: ["me"], client: "me", revision: 9 } };
const refused = (id, code = "Refused") => ({ type: "error", event: code, data: { message: code, event: "Join_Room", room: "r" }, id });
const unauthorised = (id) => ({ type: "error", event: "Unauthorised", data: { message: "no member", event: "Room_Info", room: "r" }, id });
const turn = () => new Promise((resolve) => setTimeout(resolve));

async function begin(options) {
  const net = fakeSockets();
  const p2p = new Connector("ws://one/", { WebSocket: net.FakeSocket, backoff: soon, requestTimeout: 5_000, ...options });
  const socket = await net.opened();
  socket.open();
  if (!options?.session) {
    socket.greet("me");
    await p2p.ready;
  }
  const seen = [];
  for (const name of ["waiting", "error", "room"]) p2p.on(name, (value) => seen.push([name, value.room ?? value.code ?? value.id]));
  return { net, p2p, socket, seen };
}

async function asking(options) {
  const all = await begin();
  const joining = all.p2p.joinRoom("r", { ask: true, ...options });
  joining.catch(() => {}); // each test looks at it later
  await Promise.resolve();
  all.socket.say(waiting(all.socket.sent[0].id));
  return { ...all, joining };
}

async function resume(net, data) {
  const socket = await net.opened();
  socket.open();
  socket.greet("fresh");
  socket.say(details({ id: "me", session: "s", resumed: true, ...data }));
  return socket;
}

test("who asks waits, and joins when it is admitted", async () => {
  const { p2p, socket, joining, seen } = await asking({ metadata: { name: "Me" } });
  equal(socket.sent.map((f) => [f.event, f.data]), [["Join_Room", { room: "r", metadata: { name: "Me" }, ask: true }]]);
  await turn();
  equal([seen, p2p.rooms.size], [[["waiting", "r"]], 0]);
  socket.say(admitted);
  const room = await joining;
  equal([room.id, room.members.map((m) => m.id), room.locked], ["r", ["a", "me"], true]);
  equal(seen, [["waiting", "r"], ["room", "r"]]);
});

test("a refusal rejects, also in the same turn as the answer, and is no error event", async () => {
  for (const code of ["Refused", "Banned", "Not_Found"]) {
    const { socket, joining, seen } = await asking();
    socket.say(refused(undefined, code));
    equal((await failure(joining)).code, code);
    equal(seen, [["waiting", "r"]]);
    socket.say(refused(undefined, code)); // nobody waits any more
    equal(seen.at(-1), ["error", code]);
  }
});

test("the answer to a repeat that comes late does not end the wait", async () => {
  const { socket, joining } = await asking();
  socket.say(refused(socket.sent[0].id, "Already_Exists"));
  socket.say(admitted);
  equal((await joining).id, "r");
});

test("a signal stops the wait, and this peer leaves", async () => {
  const stop = new AbortController();
  const { socket, joining, seen } = await asking({ signal: stop.signal });
  stop.abort();
  equal((await failure(joining)).code, "Closed");
  equal(socket.sent.slice(1).map((f) => [f.event, f.data]), [["Leave_Room", { room: "r" }]]);
  socket.say({ type: "info", event: "Room_Left", data: { room: "r", clients: [] }, id: socket.sent[1].id });
  const { p2p, socket: other } = await begin();
  equal((await failure(p2p.joinRoom("r", { ask: true, signal: stop.signal }))).code, "Closed");
  await turn();
  equal([other.sent, seen], [[], [["waiting", "r"]]]);
});

test("leaving ends the wait", async () => {
  const { p2p, socket, joining } = await asking();
  p2p.request("Leave_Room", { room: "r" });
  await Promise.resolve();
  socket.say({ type: "info", event: "Room_Left", data: { room: "r", clients: [] }, id: socket.sent[1].id });
  equal((await failure(joining)).code, "Closed");
});

test("a resume with nothing lost goes on waiting without a word", async () => {
  const { net, socket, joining } = await asking();
  socket.drop();
  const second = await resume(net, { recovered: true, rooms: ["r"] });
  equal(second.sent.map((f) => f.event), ["Resume"]);
  second.say(admitted);
  equal((await joining).id, "r");
});

test("a resume with losses asks whether it was admitted", async () => {
  const { net, p2p, socket, joining } = await asking();
  socket.drop();
  const second = await resume(net, { recovered: false, rooms: ["r"] });
  equal(second.sent.map((f) => f.event), ["Resume", "Room_Info"]);
  second.say(unauthorised(second.sent[1].id));
  await turn();
  equal(p2p.rooms.size, 0);
  second.drop();
  const third = await resume(net, { recovered: false, rooms: ["r"] });
  third.say({ type: "info", event: "Room_Info", data: { room: "r", creator: "a", clients: ["a", "me"], revision: 9 }, id: third.sent[1].id });
  equal((await joining).members.length, 2);
});

test("a wait whose end was lost rejects", async () => {
  const { net, socket, joining } = await asking();
  socket.drop();
  await resume(net, { recovered: false, rooms: [] });
  equal((await failure(joining)).code, "Closed");
});

test("a request whose answer was lost finds out that it waits", async () => {
  const { net, p2p, socket, seen } = await begin();
  const joining = p2p.joinRoom("r", { ask: true });
  await Promise.resolve();
  socket.drop();
  const second = await resume(net, { recovered: true, rooms: ["r"] });
  second.say(refused(second.sent[1].id, "Already_Exists"));
  await turn();
  equal([second.sent[1].event, second.sent[2].event], ["Join_Room", "Room_Info"]);
  second.say(unauthorised(second.sent[2].id));
  await turn();
  equal(seen, [["waiting", "r"]]);
  second.say(admitted);
  equal((await joining).id, "r");
});

test("a session that is lost, and a connector that closes, end the wait", async () => {
  const { net, socket, joining } = await asking();
  socket.drop();
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.say({ type: "error", event: "Not_Found", id: "resume", data: { message: "over" } });
  equal((await failure(joining)).code, "Closed");
  const other = await asking();
  other.p2p.close();
  equal((await failure(other.joining)).code, "Closed");
});

test("a page that is loaded anew goes on waiting when it asks again", async () => {
  const { p2p, socket, seen } = await begin({ session: "of the page before" });
  socket.greet("fresh");
  socket.say(details({ id: "me", session: "s", resumed: true, recovered: true, rooms: ["r"] }));
  const joining = p2p.joinRoom("r", { ask: true });
  await Promise.resolve();
  const [, info, join] = socket.sent;
  equal([info.event, join.event], ["Room_Info", "Join_Room"]);
  const closed = p2p.rooms.get("r").once("closed");
  socket.say(unauthorised(info.id));
  equal([(await closed).reason, p2p.rooms.size], ["left", 0]);
  socket.say(refused(join.id, "Already_Exists"));
  await turn();
  socket.say(unauthorised(socket.sent[3].id));
  await turn();
  equal(seen, [["room", "r"], ["waiting", "r"]]);
  socket.say(admitted);
  equal((await joining).id, "r");
});

test("without ask, a room that this peer is in already is an error", async () => {
  const { p2p, socket } = await begin();
  const joining = p2p.joinRoom("r");
  await Promise.resolve();
  socket.say(refused(socket.sent[0].id, "Already_Exists"));
  equal((await failure(joining)).code, "Already_Exists");
});

async function host() {
  const all = await begin();
  const creating = all.p2p.createRoom("r", { locked: true, capacity: 4 });
  await Promise.resolve();
  all.socket.say({ type: "info", event: "Room_Created", data: { room: "r", creator: "me", clients: ["me"], locked: true, capacity: 4, metadata: { topic: 1 }, revision: 2 }, id: all.socket.sent[0].id });
  const room = await creating;
  const lists = [];
  room.on("waiting", ({ clients }) => lists.push(clients.map((c) => c.id)));
  const update = (revision, ...ids) => all.socket.say({ type: "update", event: "Waiting_Updated", data: { room: "r", revision, waiting: ids.map((client) => ({ client, user: "u", metadata: { n: client } })) } });
  return { ...all, room, lists, update };
}

test("the host sees who waits, and the settings of the room stay", async () => {
  const { room, lists, update, socket } = await host();
  update(4, "b", "c");
  equal(room.waiting, [{ id: "b", user: "u", metadata: { n: "b" } }, { id: "c", user: "u", metadata: { n: "c" } }]);
  equal([room.locked, room.capacity, room.metadata, room.isModerator], [true, 4, { topic: 1 }, true]);
  update(3, "b"); // late
  socket.say({ type: "update", event: "Client_Added", data: { room: "r", creator: "me", locked: true, capacity: 4, clients: ["me", "b"], added: ["b"], client: "b", revision: 5 } });
  equal([room.waiting.length, room.members.length], [2, 2]);
  update(5, "c");
  update(6);
  equal(lists, [["b", "c"], ["c"], []]);
});

test("who waits is known from the answer to Room_Info too", async () => {
  const { room, lists, socket } = await host();
  const asked = room.refresh();
  await Promise.resolve();
  socket.say({ type: "info", event: "Room_Info", data: { room: "r", creator: "me", clients: ["me"], locked: true, capacity: 4, revision: 2, waiting: [{ client: "b" }] }, id: socket.sent[1].id });
  await asked;
  equal([room.waiting, lists], [[{ id: "b" }], [["b"]]]);
});

test("who is moderator no more sees nobody", async () => {
  const { room, lists, update, socket } = await host();
  update(4, "b");
  socket.say({ type: "update", event: "Room_Updated", data: { room: "r", creator: "x", clients: ["me", "x"], revision: 5, members: { me: { moderator: true } } } });
  socket.say({ type: "update", event: "Member_Updated", data: { room: "r", creator: "x", clients: ["me", "x"], revision: 5, updated: ["me"], members: { me: { moderator: true } } } });
  ok(room.isModerator, "the host that handed over is a moderator");
  equal(room.waiting.length, 1);
  socket.say({ type: "update", event: "Member_Updated", data: { room: "r", creator: "x", clients: ["me", "x"], revision: 6, updated: ["me"], members: {} } });
  equal([room.isModerator, room.waiting, lists], [false, [], [["b"], []]]);
});

test("the host admits, and refuses", async () => {
  const { room, update, socket } = await host();
  update(4, "b", "c");
  const [admitting, refusing] = [room.admit("b"), room.remove("c", { ban: true })];
  await Promise.resolve();
  const [, one, two] = socket.sent;
  equal([one.event, one.data, two.event, two.data], ["Admit_Client", { room: "r", client: "b" }, "Remove_Client", { room: "r", client: "c", ban: true }]);
  socket.say({ type: "update", event: "Client_Added", data: { room: "r", creator: "me", clients: ["me", "b"], added: ["b"], client: "b", revision: 5 }, id: one.id });
  socket.say({ type: "update", event: "Waiting_Updated", data: { room: "r", revision: 6, waiting: [] }, id: two.id });
  await Promise.all([admitting, refusing]);
  equal([room.waiting, room.members.map((m) => m.id)], [[], ["me", "b"]]);
});
