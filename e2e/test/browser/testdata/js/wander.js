// A peer whose gateways come and go, and a second peer that watches it from the
// room.

import { Connector } from "/connector.js";
import { until } from "./harness.js";
import { freshRoom, gateway } from "./gateways.js";

export async function begin() {
  const both = [gateway(0), gateway(1)];
  const options = { backoff: { base: 20, cap: 200 } };
  const [p2p, watcher] = [new Connector(both, options), new Connector([...both].reverse(), options)];
  await Promise.all([p2p.ready, watcher.ready]);
  const seen = { ID: p2p.id, First: p2p.id, Resumed: 0, Reset: 0, Numbers: [], Left: 0 };
  for (const c of [p2p, watcher]) {
    c.on("resumed", () => c === p2p && seen.Resumed++);
    c.on("reset", () => seen.Reset++);
  }
  const name = freshRoom();
  const room = await p2p.joinRoom(name, { create: true });
  const view = await watcher.joinRoom(name);
  view.on("left", () => seen.Left++);
  view.on("message", ({ data }) => seen.Numbers.push(data));
  let n = 0;
  room.send(n++);
  globalThis.wander = {
    async moved(i) {
      await until(() => [p2p, watcher].every((c) => c.isOpen && c.url === gateway(i)), `both are on gateway ${i}`);
      room.send(n++);
      await until(() => seen.Numbers.length === n, "the message came");
    },
    end() {
      seen.ID = p2p.id;
      p2p.close();
      watcher.close();
      return seen;
    },
  };
}
