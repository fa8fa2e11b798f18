import { Link } from "/connector/link.js";
import { fakeSockets, soon } from "./fakesocket.js";
import { equal, failure, ok, test, until } from "./harness.js";

function begin(urls = ["ws://one/", "ws://two/"], options = {}) {
  const net = fakeSockets();
  const link = new Link(urls, { WebSocket: net.FakeSocket, backoff: soon, ...options });
  const readies = [];
  link.on("ready", (r) => readies.push(r));
  return { net, link, readies };
}

async function greeted(options, details) {
  const all = begin(undefined, options);
  const socket = await all.net.opened();
  socket.open();
  socket.greet("me", details);
  return { ...all, socket };
}

test("it is ready when the server has greeted", async () => {
  const { link, readies, socket } = await greeted();
  equal([link.state, link.id, link.session], ["open", "me", "token of me"]);
  equal([readies.length, readies[0].resumed, readies[0].reset], [1, false, false]);
  equal(socket.sent, [], "nothing is said unasked");
  ok(socket.url.startsWith("ws://one/"), socket.url);
});

test("a broken connection resumes with the newest session and the count of frames", async () => {
  const { net, link, readies, socket } = await greeted();
  socket.say({ type: "info", event: "Session", data: { session: "newer" } });
  socket.say({ event: "Message", from: "x", data: 1 });
  socket.drop();
  equal(link.state, "reconnecting");
  const second = await net.opened();
  second.open();
  equal(second.sent, [{ event: "Resume", id: "resume", data: { session: "newer", received: 3 } }]);
  second.greet("fresh");
  equal(readies.length, 1, "a fresh id is not yet an answer");
  second.say({ type: "info", event: "Client_Details", data: { id: "me", session: "third", resumed: true, recovered: true } });
  equal([link.id, link.session, readies[1].resumed, readies[1].reset], ["me", "third", true, false]);
  second.drop();
  const third = await net.opened();
  third.open();
  equal(third.sent[0].data, { session: "third", received: 2 }, "the count begins anew with each connection");
});

test("a refused resume keeps the fresh id", async () => {
  const { net, link, readies, socket } = await greeted();
  socket.drop();
  link.send('{"event":"Message","to":"x"}');
  let dropped = 0;
  link.on("dropped", ({ count }) => (dropped += count));
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.say({ type: "error", event: "Not_Found", id: "resume", data: { message: "over", event: "Resume" } });
  equal([link.id, link.session, readies[1].reset, readies[1].refusal.code], ["fresh", "token of fresh", true, "Not_Found"]);
  equal([dropped, second.sent.length], [1, 1], "what was meant for the old id is not sent");
});

test("a server that cannot tell now is asked again with the same count", async () => {
  const { net, link, socket } = await greeted();
  socket.say({ event: "Message", from: "x", data: 1 });
  socket.drop();
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.say({ type: "error", event: "Unavailable", id: "resume", data: { message: "later" } });
  equal(link.id, "me");
  const third = await net.opened();
  third.open();
  equal(third.sent[0].data, { session: "token of me", received: 2 });
});

test("a resume whose answer never came is repeated with the same count", async () => {
  const { net, socket } = await greeted();
  socket.drop();
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.drop();
  const third = await net.opened();
  third.open();
  equal(third.sent[0].data, { session: "token of me", received: 1 });
});

test("another gateway is tried when one does not answer", async () => {
  const { net, socket } = await greeted();
  socket.drop();
  const urls = [];
  for (let i = 0; i < 3; i++) {
    const s = await net.opened();
    urls.push(s.url.slice(0, 9));
    s.drop();
  }
  equal(urls, ["ws://one/", "ws://two/", "ws://one/"]);
});

test("a draining server's time is kept, and another gateway taken", async () => {
  const { net, link, socket } = await greeted();
  const start = performance.now();
  socket.say({ type: "info", event: "Server_Draining", data: { reconnect_after_ms: 120 } });
  equal(link.state, "open", "until it closes");
  socket.drop(1001);
  const second = await net.opened();
  ok(performance.now() - start >= 115, `after ${performance.now() - start} ms`);
  ok(second.url.startsWith("ws://two/"), second.url);
});

test("a session that was taken over is not fought for", async () => {
  const { net, link, socket } = await greeted();
  const closed = link.once("closed");
  socket.drop(4002);
  equal((await closed).data.close_code, 4002);
  equal([link.state, net.unseen], ["closed", 0]);
});

test("a token that expired ends it, unless there is a way to a fresh one", async () => {
  const fixed = await greeted({ token: "old" });
  ok(fixed.socket.url.includes("access_token=old"), fixed.socket.url);
  fixed.socket.drop(4001);
  equal(fixed.link.state, "closed");
  let n = 0;
  const fresh = begin(["ws://one/"], { token: async () => `t${++n}` });
  const first = await fresh.net.opened();
  first.open();
  first.greet("me");
  first.drop(4001);
  const second = await fresh.net.opened();
  ok(second.url.includes("access_token=t2"), second.url);
});

test("what is sent while away waits, in order, and is bounded", async () => {
  const { net, link, socket } = await greeted();
  socket.drop();
  for (let i = 0; i < 256; i++) link.send(JSON.stringify({ n: i }));
  equal((await failure(() => link.send("{}"))).code, "Buffer_Full");
  const second = await net.opened();
  second.open();
  second.greet("fresh");
  second.say({ type: "info", event: "Client_Details", data: { id: "me", resumed: true, recovered: true } });
  equal(second.sent.slice(1).map((f) => f.n), Array.from({ length: 256 }, (_, i) => i));
  equal(link.waiting, 0);
});

test("the server's rate is kept, and the order", async () => {
  const { link, socket } = await greeted({}, { limits: { messages_per_second: 100 } });
  for (let i = 0; i < 60; i++) link.send(JSON.stringify({ n: i }));
  ok(socket.sent.length < 60, `${socket.sent.length} at once`);
  await until(() => socket.sent.length === 60, "all sent");
  equal(socket.sent.map((f) => f.n), Array.from({ length: 60 }, (_, i) => i));
});

test("too much that the network does not take is refused", async () => {
  const { link, socket } = await greeted();
  socket.bufferedAmount = 5 << 20;
  equal((await failure(() => link.send("{}"))).code, "Buffer_Full");
});

test("close leaves at once and for good", async () => {
  const { net, link, socket } = await greeted();
  link.close();
  equal([socket.closedWith, link.state, net.unseen], [1000, "closed", 0]);
  equal((await failure(() => link.send("{}"))).code, "Closed");
});

test("a page that goes away leaves at once", async () => {
  const { socket } = await greeted();
  dispatchEvent(new PageTransitionEvent("pagehide"));
  equal(socket.closedWith, 1000);
});

test("a page that may come back leaves its session", async () => {
  const { socket, link } = await greeted({ leaveOnUnload: false });
  const said = [];
  link.on("leaving", () => said.push("leaving"));
  dispatchEvent(new PageTransitionEvent("pagehide"));
  equal([said, socket.closedWith, link.session], [[], undefined, "token of me"]);
  link.close();
});

test("when the network is back a silent connection is asked, and left if it is dead", async () => {
  const { net, link, socket } = await greeted();
  dispatchEvent(new Event("online"));
  equal(socket.sent, [{ event: "Ping", id: "probe" }]);
  socket.say({ type: "info", event: "Pong", id: "probe", data: {} });
  dispatchEvent(new Event("online"));
  equal(socket.sent.length, 2, "asked anew");
  const second = await net.opened(); // no frame for five seconds
  equal([link.state, socket.closedWith], ["reconnecting", 4000]);
  second.open();
});

const refuse = (socket, code, closeCode, message) => {
  socket.open();
  socket.say({ type: "error", event: code, data: { message } });
  socket.drop(closeCode);
};

test("a refused token or origin ends it with the server's reason", async () => {
  for (const closeCode of [4001, 4003]) {
    const { net, link } = begin(undefined, { token: "bad" });
    const closed = link.once("closed");
    refuse(await net.opened(), "Unauthorised", closeCode, "say what to do");
    const err = await closed;
    equal([err.code, err.message, err.data.close_code], ["Unauthorised", "say what to do", closeCode]);
    equal([link.state, net.unseen], ["closed", 0], "it does not try again");
  }
});

test("a refusal that may pass is tried again, and is the reason when there is no more time", async () => {
  const { net, link } = begin(["ws://one/"], { connectTimeout: 1_500 });
  const closed = link.once("closed");
  const state = link.once("state");
  refuse(await net.opened(), "Limit_Exceeded", 1013, "too many");
  equal([(await state).state, (await state).error.message], ["connecting", "too many"]);
  refuse(await net.opened(), "Limit_Exceeded", 1013, "too many still");
  const err = await closed;
  equal([err.code, err.message, err.data.close_code], ["Limit_Exceeded", "too many still", 1013]);
});

test("when no server answers it ends after its time, and says where it looked", async () => {
  const { net, link } = begin(["ws://one/ws?access_token=secret"], { connectTimeout: 30 });
  const err = await link.once("closed");
  equal(err.code, "Timeout");
  ok(err.message.includes("ws://one/ws within 0.03 s") && !err.message.includes("secret"), err.message);
  equal((await net.opened()).closedWith, 4000, "nothing is left open");
});

test("the time to connect does not matter once a server has greeted", async () => {
  const { net, link } = begin(undefined, { connectTimeout: 200 });
  const first = await net.opened();
  first.open();
  first.greet("me");
  first.drop();
  const second = await net.opened();
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal(link.state, "reconnecting");
  second.drop();
  await net.opened();
  link.close();
});

test("fresh tokens that are refused one after the other end it", async () => {
  let n = 0;
  const { net, link } = begin(["ws://one/"], { token: () => `t${++n}` });
  const closed = link.once("closed");
  for (let i = 1; i <= 3; i++) {
    const socket = await net.opened();
    ok(socket.url.includes(`access_token=t${i}`), socket.url);
    refuse(socket, "Unauthorised", 4001, `refused ${i}`);
  }
  equal([(await closed).message, net.unseen], ["refused 3", 0]);
});

test("why there is no token is said", async () => {
  const { link } = begin(["ws://one/"], {
    connectTimeout: 50,
    token: async () => {
      throw new Error("login needed");
    },
  });
  const err = await link.once("closed");
  ok(err.code === "Unauthorised" && err.message.includes("login needed"), err.message);
});

test("a connection that was refused has resumed nothing", async () => {
  let n = 0;
  const { net, socket } = await greeted({ token: () => `t${++n}` });
  socket.drop();
  refuse(await net.opened(), "Unauthorised", 4001, "expired");
  const third = await net.opened();
  third.open();
  equal(third.sent[0].data, { session: "token of me", received: 1 }, "it still knows what it has received");
});

test("an address that is none is refused at once", async () => {
  for (const url of ["http://[", "mailto:me", "ws://"]) {
    const err = await failure(() => new Link([url]));
    equal(err.code, "Invalid_Address", url);
  }
});
