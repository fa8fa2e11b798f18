// A locked room on two gateways: who asks waits, also while its connection moves.

import assert from "node:assert/strict";
import { connect } from "./connector.js";
import { Socket } from "./socket.js";

const [one, two] = process.argv.slice(2);
const code = (promise) => promise.then(() => "no error", (err) => err.code);

// A guest connects to gateway one at first; move breaks its connection, and brings the next one to gateway two once
// meanwhile is done.
async function guest(options) {
  let [at, gate, socket] = [one, null, null];
  class Roaming extends Socket {
    constructor(url) {
      super(url.replace(one, at));
      socket = this;
    }
  }
  const p2p = await connect(one, { WebSocket: Roaming, token: () => gate, backoff: { base: 1, cap: 1 }, ...options });
  const move = async (meanwhile) => {
    const { promise, resolve } = withResolvers();
    [at, gate] = [two, promise];
    const resumed = p2p.once("resumed");
    socket.close(4000);
    await meanwhile?.();
    resolve("");
    return resumed;
  };
  return { p2p, move };
}

function withResolvers() {
  let resolve;
  return { promise: new Promise((r) => (resolve = r)), resolve };
}

const ann = await connect(two, { WebSocket: Socket });
const tea = await ann.createRoom("tea", { locked: true, capacity: 9 });
// seen resolves when room shows these peers as waiting; shown does so for the creator.
const seen = async (room, ...peers) => {
  while (room.waiting.map((w) => w.id).join() !== peers.map((p) => p.id).join()) await room.once("waiting");
};
const shown = (...peers) => seen(tea, ...peers);

// Ben moves while he waits, and is admitted then; Cy is admitted while she has no connection.
const [ben, cy] = [await guest(), await guest()];
assert.equal(await code(ben.p2p.joinRoom("tea")), "Room_Locked");
const waits = ben.p2p.once("waiting");
const bens = ben.p2p.joinRoom("tea", { ask: true, metadata: { name: "Ben" } });
assert.deepEqual(await waits, { room: "tea" });
const cys = cy.p2p.joinRoom("tea", { ask: true });
await shown(ben.p2p, cy.p2p);
assert.deepEqual(tea.waiting.map((w) => w.metadata?.name), ["Ben", undefined]);
assert.deepEqual([tea.locked, tea.capacity], [true, 9]);
await ben.move();
await tea.admit(ben.p2p.id);
assert.deepEqual((await bens).members.map((m) => m.id), [ann.id, ben.p2p.id]);
await cy.move(() => tea.admit(cy.p2p.id));
assert.deepEqual((await cys).others.length, 2);
await shown();

// Who is refused may ask again; who is banned may not.
const dan = await guest();
let dans = code(dan.p2p.joinRoom("tea", { ask: true }));
await shown(dan.p2p);
await dan.move();
await tea.remove(dan.p2p.id);
assert.equal(await dans, "Refused");

// Who stops waiting is gone from the list.
const stop = new AbortController();
dans = code(dan.p2p.joinRoom("tea", { ask: true, signal: stop.signal }));
await shown(dan.p2p);
stop.abort();
assert.equal(await dans, "Closed");
await shown();

// A page that is loaded anew goes on waiting, and a moderator refuses it for good.
await tea.setRole(ben.p2p.id, "moderator");
const before = code(dan.p2p.joinRoom("tea", { ask: true }));
await shown(dan.p2p);
const { session, received } = dan.p2p;
const { p2p: page } = await guest({ session, received });
assert.equal(await before, "Closed");
dans = code(page.joinRoom("tea", { ask: true }));
await page.once("waiting");
assert.deepEqual([page.id, page.rooms.size], [dan.p2p.id, 0]);
await seen(await bens, page);
await (await bens).remove(page.id, { ban: true });
assert.equal(await dans, "Banned");
assert.equal(await code(page.joinRoom("tea", { ask: true })), "Banned");

// The end of the room ends the wait.
const { p2p: eve } = await guest();
const eves = code(eve.joinRoom("tea", { ask: true }));
await shown(eve);
await tea.end();
assert.equal(await eves, "Not_Found");
for (const p2p of [ann, ben.p2p, cy.p2p, page, eve]) p2p.close();
