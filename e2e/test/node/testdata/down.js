import assert from "node:assert/strict";
import { Connector } from "./connector.js";
import { Socket } from "./socket.js";

const connector = new Connector(process.argv[2], { WebSocket: Socket, backoff: { base: 1, cap: 1 } });
let attempts = 0;
await new Promise((resolve) => connector.on("state", () => ++attempts === 3 && resolve()));
assert.equal(connector.state, "connecting");
connector.close(); // a socket that is opening at this moment reports an error too
await assert.rejects(connector.ready, { code: "Closed" });
