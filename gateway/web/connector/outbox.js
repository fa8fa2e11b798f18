// Outbox is what waits for a connection or for the server's rate: in order, and bounded.

/** @import { Outgoing } from "./types.js" */

import { ConnectorError } from "./error.js";

const maxFrames = 256;
const maxChars = 1 << 20;

export class Outbox {
  /** Characters that wait. */
  chars = 0;
  /** @type {Outgoing[]} */
  #entries = [];

  get empty() {
    return this.#entries.length === 0;
  }

  /** Puts an entry behind all others. room: whether the network takes more; Buffer_Full otherwise. @param {Outgoing} entry @param {boolean} room */
  push(entry, room) {
    if (!room || this.#entries.length >= maxFrames || this.chars + entry.text.length > maxChars) {
      throw new ConnectorError("Buffer_Full", "Too much waits to be sent. Send less, or wait until the connection is back.");
    }
    this.#entries.push(entry);
    this.chars += entry.text.length;
  }

  /** Puts entries before all others, without a bound. @param {Outgoing[]} entries */
  pushFirst(entries) {
    this.#replace([...entries, ...this.#entries]);
  }

  /** Takes the first entry; undefined when it is empty. */
  take() {
    const entry = this.#entries.shift();
    if (entry) this.chars -= entry.text.length;
    return entry;
  }

  /** Drops the messages, which nobody claims, and returns how many there were; requests stay. */
  dropMessages() {
    const before = this.#entries.length;
    this.#replace(this.#entries.filter((e) => e.claim));
    return before - this.#entries.length;
  }

  clear() {
    this.#replace([]);
  }

  /** @param {Outgoing[]} entries */
  #replace(entries) {
    this.#entries = entries;
    this.chars = entries.reduce((sum, e) => sum + e.text.length, 0);
  }
}
