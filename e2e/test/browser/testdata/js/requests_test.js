import { Link } from "/connector/link.js";
import { Requests } from "/connector/requests.js";
import { fakeSockets, soon } from "./fakesocket.js";
import { equal, failure, ok, test } from "./harness.js";

async function begin(requestTimeout) {
  const net = fakeSockets();
  const link = new Link(["ws://one/"], { WebSocket: net.FakeSocket, backoff: soon });
  const requests = new Requests(link, { requestTimeout });
  link.on("frame", (f) => requests.complete(f));
  link.on("ready", ({ resumed }) => resumed && requests.repeat());
  const socket = await net.opened();
  socket.open();
  socket.greet("me");
  return { net, link, requests, socket };
}

async function again(net) {
  const socket = await net.opened();
  socket.open();
  socket.greet("fresh");
  socket.say({ type: "info", event: "Client_Details", data: { id: "me", session: "s", resumed: true, recovered: false } });
  return socket;
}

test("answers find their question by id", async () => {
  const { requests, socket } = await begin();
  const one = requests.ask({ event: "Ping" });
  const two = requests.ask({ event: "Ping" });
  const [a, b] = socket.sent.map((f) => f.id);
  ok(a !== b, "ids differ");
  socket.say({ type: "info", event: "Pong", id: b, data: { n: 2 } });
  socket.say({ type: "info", event: "Pong", id: a, data: { n: 1 } });
  equal([(await one).data.n, (await two).data.n], [1, 2]);
});

test("a refusal rejects with the server's error", async () => {
  const { requests, socket } = await begin();
  const asked = requests.ask({ event: "Join_Room", data: { room: "r" } });
  socket.say({ type: "error", event: "Room_Full", id: socket.sent[0].id, data: { message: "full", event: "Join_Room", room: "r" } });
  const err = await failure(asked);
  equal([err.code, err.message, err.data.room], ["Room_Full", "full", "r"]);
  ok(err instanceof Error, "it is an Error");
});

test("no answer ends in Timeout", async () => {
  const { requests } = await begin(20);
  equal((await failure(requests.ask({ event: "Ping" }))).code, "Timeout");
});

test("a request lost with its connection is repeated after the resume", async () => {
  const { net, requests, socket } = await begin();
  const asked = requests.ask({ event: "Ping" });
  socket.drop();
  const second = await again(net);
  equal(second.sent[1], socket.sent[0], "the same frame, the same id");
  second.say({ type: "info", event: "Pong", id: socket.sent[0].id, data: {} });
  equal((await asked).event, "Pong");
});

test("a repeated join that finds itself done has succeeded", async () => {
  const { net, requests, socket } = await begin();
  const asked = requests.ask({ event: "Join_Room", data: { room: "r" } });
  socket.drop();
  const second = await again(net);
  second.say({ type: "error", event: "Already_Exists", id: socket.sent[0].id, data: { message: "in it" } });
  equal((await asked).type, "error");
});

test("the same answer to a first join is an error", async () => {
  const { requests, socket } = await begin();
  const asked = requests.ask({ event: "Join_Room", data: { room: "r" } });
  socket.say({ type: "error", event: "Already_Exists", id: socket.sent[0].id, data: { message: "in it" } });
  equal((await failure(asked)).code, "Already_Exists");
});

test("a request made while away is sent once", async () => {
  const { net, requests, socket } = await begin();
  socket.drop();
  requests.ask({ event: "Ping" }).catch(() => {});
  const second = await again(net);
  equal(second.sent.map((f) => f.event), ["Resume", "Ping"]);
});

test("a request that timed out while away is not sent", async () => {
  const { net, requests, socket } = await begin(10);
  socket.drop();
  await failure(requests.ask({ event: "Ping" }));
  const second = await again(net);
  equal(second.sent.map((f) => f.event), ["Resume"]);
});

test("too many at once are refused", async () => {
  const { requests } = await begin();
  for (let i = 0; i < 256; i++) requests.ask({ event: "Ping" }).catch(() => {});
  equal((await failure(requests.ask({ event: "Ping" }))).code, "Buffer_Full");
  requests.fail(new Error("over"));
});
