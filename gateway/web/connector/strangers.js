// Strangers keeps signals of peers that we do not know yet: an offer may overtake
// the news that its sender joined our room. Bounded, and only for a moment.

/** @import { SignalData } from "./types.js" */

const maxStrangers = 16;
const maxSignals = 64;
const holdFor = 10_000; // ms

export class Strangers {
  /** @type {Map<string, {signals: [event: string, data: SignalData][], at: number}>} */
  #held = new Map(); // by peer
  #now;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param {string} from @param {string} event @param {SignalData} data */
  keep(from, event, data) {
    this.#expire();
    let entry = this.#held.get(from);
    if (!entry) {
      if (this.#held.size >= maxStrangers) return;
      entry = { signals: [], at: this.#now() };
      this.#held.set(from, entry);
    }
    if (entry.signals.length < maxSignals) entry.signals.push([event, data]);
  }

  /**
   * Keeps a signal only behind an offer that waits; alone it says nothing.
   * @param {string} from @param {string} event @param {SignalData} data
   */
  late(from, event, data) {
    if (this.#held.has(from)) this.keep(from, event, data);
  }

  /** Hands out, and forgets, what a peer has sent. @param {string} from */
  take(from) {
    this.#expire();
    const entry = this.#held.get(from);
    this.#held.delete(from);
    return entry?.signals ?? [];
  }

  #expire() {
    for (const [from, { at }] of this.#held) if (this.#now() - at > holdFor) this.#held.delete(from);
  }
}
