import assert from "node:assert/strict";
import { connect } from "./connector.js";
import { Socket } from "./socket.js";

const url = process.argv[2];
const [ann, ben, cy] = await Promise.all([1, 2, 3].map(() => connect(url, { WebSocket: Socket })));
const tea = await ann.createRoom("tea");
const bens = await ben.joinRoom("tea");
let cys = await cy.joinRoom("tea");
const code = (promise) => promise.then(() => "no error", (err) => err.code);
const changed = async (room, is) => { while (!is()) await room.once("change"); };

// A moderator may ban, and the creator makes it one.
assert.equal(await code(bens.remove(cy.id, { ban: true })), "Unauthorised");
const updated = bens.once("updated");
await tea.setRole(ben.id, "moderator");
assert.deepEqual((await updated).clients.map(({ id, moderator }) => [id, moderator]), [[ben.id, true]]);
await changed(cys, () => cys.member(ben.id).moderator);
assert.deepEqual([tea.member(ben.id).moderator, tea.member(cy.id).moderator], [true, undefined]);

// The banned one is told why, and may not join until a moderator lifts the ban.
const [closed, left] = [cys.once("closed"), tea.once("left")];
await bens.remove(cy.id, { ban: true });
assert.equal((await closed).reason, "banned");
assert.deepEqual((await left).clients, [{ id: cy.id, reason: "banned" }]);
assert.equal(await code(cy.joinRoom("tea")), "Banned");
assert.deepEqual(await tea.bans(), [{ client: cy.id }]);
await bens.unban(cy.id);
assert.deepEqual(await tea.bans(), []);
assert.equal(await code(bens.unban(cy.id)), "Not_Found");
cys = await cy.joinRoom("tea");
assert.equal(cys.member(ben.id).moderator, true); // newcomers see it too

// Without ban it may come back.
const removed = cys.once("closed");
await bens.remove(cy.id);
assert.equal((await removed).reason, "removed");
await cy.joinRoom("tea");

await tea.setRole(ben.id, "member");
await changed(bens, () => !bens.member(ben.id).moderator);
await tea.setRole(ben.id, "creator");
await changed(bens, () => bens.isCreator);
assert.deepEqual([tea.creator, tea.isCreator, tea.member(ann.id).moderator], [ben.id, false, true]);
for (const p2p of [ann, ben, cy]) p2p.close();
