// Joins are the calls of joinRoom without a result: those that wait for the server's answer,
// and those of a peer that waits to be admitted to a locked room.

/** @import { Frame, JoinOptions } from "../connector.js" */
/** @import { Join } from "./types.js" */

import { ConnectorError } from "./error.js";

export class Joins {
  #all = /** @type {Set<Join>} */ (new Set());
  #request;
  #onwait;

  /**
   * @param {(event: string, data: any) => Promise<Frame>} request
   * @param {(room: string) => void} onwait is called when this peer waits to be admitted
   */
  constructor(request, onwait) {
    this.#request = request;
    this.#onwait = onwait;
  }

  /** Resolves when this peer is a member of room. @param {string} room @param {JoinOptions} [options] */
  async join(room, { create, password, metadata, ask, signal } = {}) {
    const gaveUp = new ConnectorError("Closed", "This page gave up joining.");
    if (signal?.aborted) throw gaveUp;
    const join = /** @type {Join} */ ({ room, waits: false });
    const over = new Promise((resolve, reject) => Object.assign(join, { resolve, reject }));
    const giveUp = () => {
      this.#end(join, gaveUp);
      this.#request("Leave_Room", { room }).catch(() => {}); // it may be a member by now
    };
    this.#all.add(join);
    signal?.addEventListener("abort", giveUp);
    try {
      await Promise.race([over, this.#ask({ room, create, password, metadata, ask })]);
      if (join.waits) await over;
    } finally {
      this.#all.delete(join);
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** @param {{room: string, ask?: boolean, [name: string]: any}} data */
  async #ask(data) {
    const { room, ask } = data;
    const unless = (/** @type {string} */ code) => (/** @type {ConnectorError} */ err) => {
      if (!ask || err.code !== code) throw err;
    };
    const frame = await this.#request("Join_Room", data).catch(unless("Already_Exists")); // an earlier page of this session has asked
    if (frame && frame.type !== "error") return;
    const info = await this.#request("Room_Info", { room }).catch(unless("Unauthorised"));
    if (!info) this.waits(room);
  }

  /** Whether there is a call for room. @param {string} room */
  has(room) {
    return this.#of(room).length > 0;
  }

  /** This peer waits to be admitted. @param {string} room */
  waits(room) {
    for (const join of this.#of(room)) join.waits = true;
    if (this.has(room)) this.#onwait(room);
  }

  /** This peer is a member now. @param {string} room */
  entered(room) {
    for (const join of this.#of(room)) this.#end(join);
  }

  /** This peer does not wait for room any more. Returns whether a call ended with err. @param {string} room @param {ConnectorError} [err] */
  refused(room, err = new ConnectorError("Closed", "This peer does not wait to be admitted any more. Ask again.")) {
    const waiting = this.#of(room).filter((join) => join.waits);
    for (const join of waiting) this.#end(join, err);
    return waiting.length > 0;
  }

  /** This peer waits for no rooms but these. @param {string[]} rooms @param {ConnectorError} [err] */
  lost(rooms, err) {
    for (const { room } of this.#all) if (!rooms.includes(room)) this.refused(room, err);
  }

  /** @param {Join} join @param {ConnectorError} [err] */
  #end(join, err) {
    this.#all.delete(join);
    if (err) join.reject(err);
    else join.resolve();
  }

  /** @param {string} room */
  #of(room) {
    return [...this.#all].filter((join) => join.room === room);
  }
}
