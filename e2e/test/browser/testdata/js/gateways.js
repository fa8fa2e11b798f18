// Helpers for the suites against real gateways: connectors that end with the
// test, and a network that can be cut.

import { connect } from "/connector.js";

const quick = { backoff: { base: 20, cap: 200 } };
const live = [];

export const gateway = (i) => `${location.origin}/gw/${i}/ws`;

/** Connects a connector to gateway i. */
export async function on(i, options = {}) {
  const p2p = await connect(gateway(i), { ...quick, ...options });
  live.push(p2p);
  return p2p;
}

/** Ends every connection to gateway i without a close frame. Resolves with their number. */
export async function cut(i) {
  return Number(await (await fetch(`/cut/${i}`, { method: "POST" })).text());
}

/** Ends all connectors. */
export function over() {
  for (const p2p of live.splice(0)) p2p.close();
}

let n = 0;
export const freshRoom = () => `room ${++n} ü/${Math.random().toString(36).slice(2)}`;

/** Resolves with the values of the event once cond(values) is true. */
export function collect(emitter, name, pick, cond) {
  return new Promise((resolve) => {
    const all = [];
    const off = emitter.on(name, (value) => {
      all.push(pick(value));
      if (cond(all)) (off(), resolve(all));
    });
  });
}
