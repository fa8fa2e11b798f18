// connector.js: the browser's side of Peer2Peer Connector.
//
//   import { connect } from "https://gateway.example/connector.js";
//   const p2p = await connect();                                  // the gateway this file came from
//   const room = await p2p.joinRoom("tea", { create: true });
//   room.on("message", ({ from, data }) => console.log(from, data));
//   room.send("hello");
//
// An ES module without dependencies and without a build step; this folder is also the
// package peer2peer-connector for npm. To host it yourself copy this file and the folder
// connector/ beside it. Types are in connector.d.ts. It needs a browser with
// RTCPeerConnection (implicit rollback: Chromium 80, Firefox 75, Safari 15.4) only when
// connectPeer is used: everything else works in Node too, before version 22 with the
// WebSocket of ws or undici: connect("wss://gateway.example", { WebSocket }).

import { Connector } from "./connector/client.js";

export { Connector };
export { ConnectorError } from "./connector/error.js";
export { Emitter } from "./connector/emitter.js";
export { Room } from "./connector/room.js";
export { Peer } from "./connector/peer.js";
export { Pacer, Rotation, afterClose, backoff } from "./connector/timing.js";

/**
 * Connects, and resolves with a Connector once the server has greeted. It rejects with a
 * ConnectorError that says why (code, message) when the server refuses the token (data.close_code
 * 4001) or the page's origin (4003), and when none has greeted within options.connectTimeout;
 * until then it goes on trying. options.signal ends that.
 *
 * urls are gateways, to be tried in turn; the one that served this file when absent.
 * @type {typeof import("./connector.js").connect}
 */
export async function connect(urls, options) {
  const connector = new Connector(urls ?? new URL("./", import.meta.url).href, options);
  await connector.ready;
  return connector;
}
