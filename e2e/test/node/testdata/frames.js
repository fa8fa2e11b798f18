// What goes out, and what answers mean, without a server.

import assert from "node:assert/strict";
import { Connector } from "./connector.js";
import { encode } from "./connector/encode.js";
import { Requests } from "./connector/requests.js";

// A value that JSON would lose is named.
assert.throws(() => encode({ event: "Message", data: new Map() }), /^ConnectorError: data is a Map,/);
assert.throws(() => encode(new Map()), /^ConnectorError: The value is a Map,/);

// The answer Not_Found to a repeat, by request.
for (const [event, data, done] of [
  ["Remove_Client", { client: "b" }, true], ["Remove_Client", { client: "b", ban: true }, false],
  ["Unban_Client", { client: "b" }, true], ["Set_Role", { client: "b", role: "member" }, false],
]) {
  const requests = new Requests({ send: (text, claim) => claim(), sendFirst() {} });
  const answer = requests.ask({ event, data }).then(() => true, () => false);
  requests.repeat();
  requests.complete({ type: "error", event: "Not_Found", id: "c1", data: {} });
  assert.equal(await answer, done, `${event} ${JSON.stringify(data)}`);
}

// FakeSocket never connects unless a test greets it.
let socket;
class FakeSocket {
  readyState = 1;
  sent = [];
  constructor() {
    socket = this;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  greet(data) {
    this.say({ type: "info", event: "Client_Details", data });
  }
}
const connector = (options) => new Connector("ws://one/", { WebSocket: FakeSocket, ...options });

// A signal closes the connector, also one that is aborted already, and keeps no listener.
const stop = new AbortController();
const listeners = new Set();
const { signal } = stop;
const add = signal.addEventListener.bind(signal);
signal.addEventListener = (name, fn) => (listeners.add(fn), add(name, fn));
signal.removeEventListener = (name, fn) => listeners.delete(fn);
const one = connector({ signal });
assert.equal(listeners.size, 1);
one.close();
assert.equal(listeners.size, 0, "listeners after the end");
const two = connector({ signal });
stop.abort();
assert.equal(two.state, "closed");
const three = connector({ signal });
const closed = await Promise.race([three.once("closed").then(() => true), new Promise((resolve) => setImmediate(resolve))]);
three.close();
assert.equal(closed, true, "closed by a signal that is aborted already");

// A page that was loaded anew asks for its rooms, though no frame was lost, and takes what waited before it knows
// their members. An answer to the page before it answers none of its requests.
const page = connector({ session: "of the page before", received: 4 });
await null;
socket.onopen();
assert.deepEqual(socket.sent.shift().data, { session: "of the page before", received: 4 });
socket.greet({ id: "fresh" });
socket.greet({ id: "me", session: "s", resumed: true, recovered: true, rooms: ["tea", "over"] });
await page.ready;
assert.deepEqual(socket.sent.map((f) => [f.event, f.data]), [["Room_Info", { room: "tea" }], ["Room_Info", { room: "over" }]]);
assert.equal(page.received, 2);
const [tea, over] = page.rooms.values();
const came = [];
tea.on("message", ({ data }) => came.push(data));
socket.say({ event: "Message", from: "ann", room: "tea", data: "waited" });
assert.deepEqual(came, ["waited"]);
socket.say({ type: "error", event: "Not_Found", id: "c1", data: { event: "Room_Info", message: "of the page before" } });
socket.say({ type: "info", event: "Room_Info", id: socket.sent[0].id, data: { room: "tea", revision: 3, clients: ["ann", "me"] } });
assert.deepEqual(tea.members.map((m) => m.id), ["ann", "me"]);
socket.say({ type: "error", event: "Not_Found", id: socket.sent[1].id, data: { room: "over", event: "Room_Info", message: "over" } });
assert.equal((await over.once("closed")).reason, "ended");
assert.deepEqual([...page.rooms.keys()], ["tea"]);
page.close();
