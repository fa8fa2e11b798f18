// When to connect again, where to, and how fast to send: pure values and
// functions, with time and chance passed in, so that they can be tested without
// waiting.

/** @import * as Declared from "../connector.js" */

import { version } from "./version.js";

/**
 * Milliseconds before attempt n (0 is the first): full jitter below a ceiling that doubles.
 * @type {typeof Declared.backoff}
 */
export function backoff(attempt, { base = 250, cap = 10_000, random = Math.random } = {}) {
  const ceiling = Math.min(cap, base * 2 ** Math.min(attempt, 30));
  return Math.round(random() * ceiling);
}

// What a close code means for the next attempt. `least` are milliseconds.
/** @type {Map<number, ReturnType<typeof Declared.afterClose>>} */
const plans = new Map([
  [1000, { again: false, least: 0 }],
  [1008, { again: true, least: 5_000 }], // flooding, or refused: hurrying makes it worse
  [1011, { again: true, least: 1_000 }],
  [1013, { again: true, least: 1_000 }], // we read too slowly, or our address has too many connections
  [4001, { again: false, freshToken: true, least: 0 }],
  [4003, { again: false, least: 0 }], // our origin is not allowed, and that does not change by itself
  [4002, { again: false, least: 0 }], // a newer connection has the session: do not fight for it
]);

/**
 * What to do after a connection closed with code.
 * freshToken: again only with a new token.
 * @type {typeof Declared.afterClose}
 */
export function afterClose(code) {
  return plans.get(code) ?? { again: true, least: 0 };
}

/**
 * Rotation chooses among several gateways.
 * @implements {Declared.Rotation}
 */
export class Rotation {
  #urls;
  #at = 0;

  /** @param {string[]} urls */
  constructor(urls) {
    this.#urls = urls;
  }

  get current() {
    return this.#urls[this.#at];
  }

  /** The current one did not answer, or is going away: go to the next. */
  next() {
    this.#at = (this.#at + 1) % this.#urls.length;
    return this.current;
  }
}

/**
 * Pacer keeps a sender below `rate` frames a second with bursts of half a
 * second's worth, so that the server has no reason for Rate_Limited. A rate of 0
 * means no limit.
 * @implements {Declared.Pacer}
 */
export class Pacer {
  #rate;
  #burst;
  #tokens;
  #at;

  /** @param {number} rate @param {number} now milliseconds */
  constructor(rate, now) {
    this.#rate = rate * 0.9; // a little below, since two clocks never agree
    this.#burst = Math.max(1, this.#rate / 2);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Takes one frame's right to go: 0, or milliseconds to wait before asking again. @param {number} now */
  take(now) {
    if (this.#rate <= 0) return 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, now - this.#at) * this.#rate) / 1000);
    this.#at = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / this.#rate));
  }
}

/**
 * The address to open: http becomes ws, big rooms are asked for as changes, and whose frames are
 * accepted, the room by which a proxy may choose a gateway, the token and our version are added.
 * @param {string} url @param {{base?: string, delta?: boolean, acceptFrom?: string, room?: string, token?: string}} [options]
 */
export function socketURL(url, { base, delta = true, acceptFrom, room, token } = {}) {
  const u = new URL(url, base);
  u.protocol = u.protocol.replace(/^http/, "ws");
  u.hash = "";
  if (delta) u.searchParams.set("updates", "delta");
  if (acceptFrom) u.searchParams.set("accept_from", acceptFrom);
  if (room && !u.searchParams.has("room")) u.searchParams.set("room", room);
  if (token) u.searchParams.set("access_token", token);
  u.searchParams.set("version", String(version));
  return u.href;
}

/**
 * The first frame of a connection that wants to be the peer of `session` again.
 * @param {string} session
 * @param {number} received text frames that the connection that session came on had brought
 */
export function resumeFrame(session, received) {
  return { event: "Resume", id: "resume", data: { session, received } };
}
