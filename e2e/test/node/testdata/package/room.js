import assert from "node:assert/strict";
import { connect, ConnectorError } from "peer2peer-connector";

const [url, library] = process.argv.slice(2);
const options = library ? { WebSocket: (await import(library)).WebSocket } : {};
const [ann, bob] = await Promise.all([connect(url, options), connect(url, options)]);
const tea = await ann.joinRoom("tea", { create: true });
const room = await bob.joinRoom("tea");
for (const data of [{ hello: "Ann" }, ["a", 1], "text", 7, null, true]) {
  const got = tea.once("message");
  room.send(data);
  assert.deepEqual((await got).data, data);
}

class Stamp {
  toJSON() {
    return "stamped";
  }
}
const stamped = tea.once("message");
room.send({ at: new Stamp() });
assert.deepEqual((await stamped).data, { at: "stamped" });

const circle = [];
circle.push(circle);
for (const [data, says] of [
  [new ArrayBuffer(8), /data is a ArrayBuffer.*peer\.data.*base64/],
  [{ bytes: Buffer.from("x") }, /bytes is a Buffer/],
  [[new Uint8Array(1)], /0 is a Uint8Array/],
  [new Blob(["x"]), /Blob/],
  [new Map(), /Map.*plain object/],
  [Promise.resolve(), /Promise/],
  [1n, /BigInt.*string/],
  [circle, /circular/],
]) {
  assert.throws(() => room.send(data), (err) => err instanceof ConnectorError && err.code === "Invalid_Message" && says.test(err.message), String(says));
}
assert.throws(() => ann.connectPeer(bob.id), /no RTCPeerConnection here.*node-datachannel/);
ann.close();
bob.close();
