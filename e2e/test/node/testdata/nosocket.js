import assert from "node:assert/strict";

delete globalThis.WebSocket; // as in Node before 22
const { connect, ConnectorError } = await import("./connector.js");

await assert.rejects(connect("ws://127.0.0.1:1/"), (err) => {
  assert.ok(err instanceof ConnectorError, String(err));
  assert.match(err.message, /WebSocket.*pass one/);
  return true;
});
