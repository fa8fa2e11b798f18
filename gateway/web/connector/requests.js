// Requests gives every question an id and hands the answer to whoever asked.

import { ConnectorError } from "./error.js";

const maxPending = 256;

// Repeating one of these may find the work done by the first try, whose answer
// was lost with the connection: that is success.
const alreadyDone = new Map([
  ["Join_Room", "Already_Exists"],
  ["Create_Room", "Duplicate_Room"],
  ["Leave_Room", "Not_Found"],
  ["End_Room", "Not_Found"],
  ["Remove_Client", "Not_Found"],
  ["Unban_Client", "Not_Found"],
]);

/**
 * Reports whether code, the answer to a repeat of frame, tells that the first try did the work.
 * A client that is not there is removed, but nothing tells that it is banned.
 * @param {Draft} frame @param {string} code
 */
const wasDone = ({ event, data }, code) => alreadyDone.get(event) === code && !(event === "Remove_Client" && data?.ban);

/** @import { ConnectOptions, Frame } from "../connector.js" */
/** @import { Draft } from "./types.js" */

/**
 * Entry is a request without an answer.
 * @typedef {object} Entry
 * @property {Draft} frame
 * @property {string} text
 * @property {(answer: Frame) => void} resolve
 * @property {(err: ConnectorError) => void} reject
 * @property {number} timer
 * @property {boolean} sent
 * @property {boolean} repeated it may have arrived before
 */

export class Requests {
  #link;
  #timeout;
  #page; // in ids: answers to the page before this one may still come, and answer none of ours
  /** @type {Map<string, Entry>} */
  #pending = new Map(); // by id
  #next = 1;

  /** @param {import("./link.js").Link} link @param {ConnectOptions} [options] */
  constructor(link, { requestTimeout = 30_000, session } = {}) {
    this.#link = link;
    this.#timeout = requestTimeout;
    this.#page = session ? `${Math.random().toString(36).slice(2, 8)}-` : "";
  }

  /** A frame id that no request uses. */
  newID() {
    return `c${this.#page}${this.#next++}`;
  }

  /**
   * Sends frame and resolves with the answer's frame; rejects with the server's error.
   * @param {Draft} frame @returns {Promise<Frame>}
   */
  ask(frame) {
    if (this.#pending.size >= maxPending) {
      return Promise.reject(new ConnectorError("Buffer_Full", "Too many requests wait for an answer. Ask less at once."));
    }
    const id = this.newID();
    const text = JSON.stringify({ ...frame, id });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#take(id)?.reject(new ConnectorError("Timeout", `The server did not answer ${frame.event}. Try again.`, { event: frame.event }));
      }, this.#timeout);
      /** @type {Entry} */
      const entry = { frame, text, resolve, reject, timer, sent: false, repeated: false };
      this.#pending.set(id, entry);
      try {
        this.#link.send(text, () => this.#claim(id));
      } catch (err) {
        this.#take(id);
        reject(err);
      }
    });
  }

  /**
   * Settles the request that frame answers. A repeated request whose work turns
   * out to be done resolves with the error frame, which the caller can tell by its type.
   * @param {Frame} frame
   */
  complete(frame) {
    const entry = this.#take(/** @type {string} */ (frame.id));
    if (!entry) return false;
    if (frame.type !== "error") entry.resolve(frame);
    else if (entry.repeated && wasDone(entry.frame, frame.event)) entry.resolve(frame);
    else entry.reject(ConnectorError.from(frame));
    return true;
  }

  /** After a resume: what had been sent may not have arrived, so it goes again. */
  repeat() {
    const entries = [];
    for (const [id, e] of this.#pending) {
      if (!e.sent) continue;
      e.repeated = true;
      entries.push({ text: e.text, claim: () => this.#claim(id) });
    }
    this.#link.sendFirst(entries);
  }

  /** Rejects all that was sent (onlySent) or all there is. @param {ConnectorError} err */
  fail(err, { onlySent = false } = {}) {
    for (const [id, e] of this.#pending) {
      if (!onlySent || e.sent) this.#take(id)?.reject(err);
    }
  }

  /** @param {string} id */
  #claim(id) {
    const entry = this.#pending.get(id);
    if (entry) entry.sent = true;
    return entry !== undefined;
  }

  /** @param {string} id */
  #take(id) {
    const entry = this.#pending.get(id);
    if (!entry) return undefined;
    clearTimeout(entry.timer);
    this.#pending.delete(id);
    return entry;
  }
}
