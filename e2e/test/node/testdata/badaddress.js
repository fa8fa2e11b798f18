import assert from "node:assert/strict";
import { connect } from "./connector.js";
import { Socket } from "./socket.js";

await assert.rejects(connect("nowhere at all", { WebSocket: Socket }), /nowhere at all.*Give one like wss:/);
await assert.rejects(connect(undefined, { WebSocket: Socket }), /Give one like wss:/, "in Node no gateway has served the file");
