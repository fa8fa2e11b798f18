// A page in a call, as an application writes it: a newcomer calls the peers that are in
// the room, and after a reset it joins again.

import { Connector } from "/connector.js";
import { until } from "./harness.js";

export async function begin(url) {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 160, height: 120, frameRate: 10 } });
  const p2p = new Connector(url);
  const log = [];
  const start = performance.now();
  let last = "";
  const note = (...what) => {
    const line = what.join(" ");
    if (line !== last) log.push(`${((performance.now() - start) / 1000).toFixed(1)} ${line}`);
    last = line;
  };
  const name = (id) => id.slice(9, 13);

  p2p.on("peer", (peer) => {
    note("peer", name(peer.id));
    for (const track of media.getTracks()) peer.addTrack(track, media);
    peer.on("data", ({ data }) => {
      const { ask, answer } = JSON.parse(data);
      if (ask) peer.data.send(JSON.stringify({ answer: ask }));
      else if (answer) peer.answered = answer;
    });
    peer.on("state", (state) => note(name(peer.id), state));
    peer.on("close", ({ reason }) => note("closed", name(peer.id), reason));
    peer.on("error", (err) => note("error", name(peer.id), err));
  });
  const enter = async () => {
    const room = await p2p.joinRoom("call", { create: true });
    room.on("closed", ({ reason }) => reason === "disconnected" && enter());
    for (const { id } of room.others) p2p.connectPeer(id);
  };
  p2p.on("frame", ({ event, from, type, data }) => note("<", event, from ? name(from) : "", type === "error" ? JSON.stringify(data) : ""));
  p2p.on("sent", (text) => {
    const { event, to } = JSON.parse(text);
    note(">", event, to ? name(to) : "");
  });
  p2p.on("state", ({ state }) => note("connector", state));
  p2p.on("reset", ({ oldId, id }) => {
    note("reset", name(oldId), "is", name(id));
    globalThis.call.resets++;
    enter();
  });
  p2p.on("resumed", ({ recovered }) => note("resumed", recovered));

  globalThis.call = {
    p2p,
    resets: 0,
    back: () => wait(() => p2p.isOpen),
    state: () => ({ id: name(p2p.id), state: p2p.state, rooms: [...p2p.rooms.values()].map((r) => r.members.map((m) => name(m.id))), peers: [...p2p.peers.values()].map((p) => [name(p.id), p.state, p.pc.signalingState, p.pc.connectionState]), log }),
    whole: (n) => wait(() => isWhole(p2p, n)),
  };
  await p2p.ready;
  await enter();
}

const wait = async (cond) => {
  while (!(await cond())) await new Promise((resolve) => setTimeout(resolve, 100));
};

// isWhole reports whether each of n others is connected, video arrives, and data goes
// there and back.
async function isWhole(p2p, n) {
  const peers = [...p2p.peers.values()];
  if (peers.length !== n || peers.some((p) => p.state !== "connected" || p.data.readyState !== "open")) return false;
  const before = await Promise.all(peers.map(pictures));
  const ask = Math.random();
  for (const p of peers) p.data.send(JSON.stringify({ ask }));
  const flows = async () => {
    const now = await Promise.all(peers.map(pictures));
    return peers.every((p, i) => p.answered === ask && now[i] > before[i] + 2);
  };
  try {
    await until(flows, "pictures and data");
  } catch {
    return false;
  }
  return peers.every((p) => p2p.peers.get(p.id) === p && p.state === "connected");
}

async function pictures(peer) {
  let n = 0;
  for (const s of (await peer.pc.getStats()).values()) if (s.type === "inbound-rtp" && s.kind === "video") n += s.framesDecoded ?? 0;
  return n;
}
