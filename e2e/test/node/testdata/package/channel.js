import assert from "node:assert/strict";
import { connect } from "peer2peer-connector";
import { RTCPeerConnection } from "peer2peer-connector/node-datachannel";
import { WebSocket } from "ws";

const [url, name] = process.argv.slice(2);
const p2p = await connect(url, { WebSocket, RTCPeerConnection });
const greeted = new Promise((resolve) => {
  p2p.on("peer", (peer) => {
    peer.on("open", (channel) => channel.send(`hello from ${name}`));
    peer.on("data", ({ data }) => resolve(data));
  });
});
const room = await p2p.joinRoom("tea", { create: true });
const otherIsDone = room.once("message"); // it needs us no more
room.on("joined", ({ clients }) => clients.forEach(({ id }) => p2p.connectPeer(id)));
for (const { id } of room.others) p2p.connectPeer(id);
assert.equal(await greeted, `hello from ${name === "ann" ? "ben" : "ann"}`);
room.send("done");
await otherIsDone;
p2p.close();
