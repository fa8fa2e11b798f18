import assert from "node:assert/strict";
import { connect } from "./connector.js";
import { Socket } from "./socket.js";

// addresses connects, joins a room, loses the connection, comes back in another one, and resolves
// with what both addresses say of the room.
async function addresses(options) {
  const sockets = [];
  class Recorded extends Socket {
    constructor(url) {
      super(url);
      sockets.push({ socket: this, room: new URL(url).searchParams.get("room") });
    }
  }
  const p2p = await connect(process.argv[2], { WebSocket: Recorded, backoff: { base: 1, cap: 1 }, ...options });
  await p2p.joinRoom("tea & ü", { create: true });
  await p2p.joinRoom("second", { create: true });
  const resumed = p2p.once("resumed");
  sockets[0].socket.close();
  await resumed;
  p2p.close();
  return sockets.map(({ room }) => room);
}

assert.deepEqual(await addresses({}), [null, "tea & ü"]);
assert.deepEqual(await addresses({ room: "hash of tea" }), ["hash of tea", "hash of tea"]);
assert.deepEqual(await addresses({ room: "" }), [null, null]);
