import assert from "node:assert/strict";
import { connect } from "./connector.js";
import { Socket } from "./socket.js";

const url = process.argv[2];
const [ann, ben] = await Promise.all([1, 2].map(() => connect(url, { WebSocket: Socket })));
const code = (promise) => promise.then(() => "no error", (err) => err.code);
const changed = async (room, is) => { while (!is()) await room.once("change"); };

const tea = await ann.createRoom("private tea", { password: "leaf" });
assert.equal(tea.password, true);
assert.equal(await code(ben.joinRoom(tea.id)), "Wrong_Password");
assert.equal(await code(ben.joinRoom(tea.id, { password: "stem" })), "Wrong_Password");
const bens = await ben.joinRoom(tea.id, { password: "leaf" });
assert.equal(bens.password, true);

await tea.update({ password: null });
await changed(bens, () => !bens.password);
await bens.leave();
await (await ben.joinRoom(tea.id)).leave();
await tea.update({ password: "stem" });
await changed(tea, () => tea.password);
assert.equal(await code(ben.joinRoom(tea.id, { password: "leaf" })), "Wrong_Password");
for (const p2p of [ann, ben]) p2p.close();
