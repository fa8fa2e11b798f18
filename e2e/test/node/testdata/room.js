import assert from "node:assert/strict";
import { connect, Emitter } from "./connector.js";
import { Socket } from "./socket.js";

const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
const url = process.argv[2];
const [ann, bob] = await Promise.all([connect(url, { WebSocket: Socket }), connect(url, { WebSocket: Socket })]);
assert.ok(ann instanceof Emitter);
const tea = await ann.joinRoom("tea", { create: true });
const got = tea.once("message");
tea.on("message", () => { throw new Error("a mistake of the application"); });
const heard = tea.once("message"); // the next listener is called anyway
(await bob.joinRoom("tea")).send({ hello: "Ann" });
assert.deepEqual((await got).data, { hello: "Ann" });
assert.deepEqual((await heard).from, bob.id);
assert.match((await thrown).message, /mistake/);
ann.close();
bob.close();
