// Link is one conversation with the server that outlives its WebSockets. What it does
// when is decided in linkstate.js; here are the socket, the timers, and what waits to be
// sent, in order and bounded.
//
// Events: state, ready, frame, raw (every frame received), sent (every text sent),
// draining, dropped, leaving (the last chance to send something), closed.

/** @import { ConnectOptions, Socket } from "../connector.js" */
/** @import { LinkEffect, LinkEvents, LinkInput, Outgoing } from "./types.js" */

import { Emitter } from "./emitter.js";
import { ConnectorError } from "./error.js";
import { LinkState } from "./linkstate.js";
import { Outbox } from "./outbox.js";
import { watchPage } from "./page.js";
import { checkAddress } from "./reason.js";
import { Pacer, socketURL } from "./timing.js";

const maxUnsentBytes = 4 << 20; // what the browser may hold for a slow network

/** @extends {Emitter<LinkEvents>} */
export class Link extends Emitter {
  #options;
  #firstRoom;
  #state;
  #WebSocket;
  #socket = /** @type {Socket|null} */ (null);
  #dialing = 0; // which attempt may go on after waiting for a token
  #timers = /** @type {Map<string, number>} */ (new Map());
  #outbox = new Outbox();
  #pacer = new Pacer(0, 0);
  #forget;
  #todo = /** @type {LinkEffect[]} */ ([]); // effects that wait for those before them
  #running = false;

  /**
   * Throws when an address is none: nothing would ever come of it.
   * @param {string[]} urls @param {ConnectOptions} [options]
   * @param {() => string|undefined} [firstRoom] the room to name in addresses unless options.room does
   */
  constructor(urls, options = {}, firstRoom) {
    super();
    for (const url of urls) checkAddress(url);
    this.#options = options;
    this.#firstRoom = firstRoom;
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    const { session, received, backoff, connectTimeout } = options;
    this.#state = new LinkState({ urls, session, received, backoff, connectTimeout, freshTokens: typeof options.token === "function" });
    this.#forget = watchPage({
      online: () => this.#run({ kind: "online" }),
      visible: () => this.#run({ kind: "visible" }),
      leave: () => {
        if (options.leaveOnUnload === false) return; // the socket breaks with the page, and its session stays
        this.emit("leaving", undefined);
        this.#run({ kind: "leave" });
      },
      back: () => this.#run({ kind: "back" }),
    });
    this.#run({ kind: "begin" });
  }

  get state() {
    return this.#state.state;
  }

  get session() {
    return this.#state.session;
  }

  get received() {
    return this.#state.received;
  }

  get id() {
    return this.#state.id;
  }

  get url() {
    return this.#state.url;
  }

  /** Characters that wait for a connection or for the server's rate. */
  get waiting() {
    return this.#outbox.chars;
  }

  /**
   * Sends text as soon as there is a connection, in the order of the calls.
   * claim, when given, is asked just before; false means that nobody wants it any more.
   * @param {string} text @param {Outgoing["claim"]} [claim]
   */
  send(text, claim) {
    if (this.state === "closed") throw new ConnectorError("Closed", "The connection is closed. Connect again.");
    const unsent = this.#socket?.bufferedAmount ?? 0;
    this.#outbox.push({ text, claim }, unsent <= maxUnsentBytes);
    this.#flush();
  }

  /** Puts requests that the broken connection may have lost before everything that waits. @param {Outgoing[]} entries */
  sendFirst(entries) {
    this.#outbox.pushFirst(entries);
    this.#flush();
  }

  /** Ends the session at once: the others are notified that we left. */
  close() {
    if (this.state !== "closed") this.emit("leaving", undefined);
    this.#run({ kind: "close" });
  }

  // --- what the state decides ---

  /**
   * run hands an input to the state and carries out what it decides. An effect may lead to
   * another input, as a listener that closes the link does: its effects follow.
   * @param {LinkInput} input
   */
  #run(input) {
    this.#todo.push(...this.#state.step(input, performance.now()));
    if (this.#running) return;
    this.#running = true;
    try {
      for (let effect = this.#todo.shift(); effect; effect = this.#todo.shift()) this.#effect(effect);
    } finally {
      this.#running = false;
    }
  }

  /** @param {LinkEffect} effect */
  #effect(effect) {
    switch (effect.do) {
      case "dial":
        return void this.#dial();
      case "drop":
        return this.#drop(effect.code);
      case "write":
        return this.#write(JSON.stringify(effect.frame));
      case "timer":
        return this.#timer(effect.timer, effect.ms, () => this.#run({ kind: effect.timer }));
      case "cancel":
        return this.#cancel(effect.timer);
      case "emit":
        return this.emit(effect.name, effect.value);
      case "ready":
        return this.#ready(effect.ready);
      case "end":
        this.#forget();
        return this.#outbox.clear();
    }
  }

  async #dial() {
    const dialing = ++this.#dialing;
    let { token } = this.#options;
    try {
      if (typeof token === "function") token = await token();
    } catch (err) {
      const error = new ConnectorError("Unauthorised", `There is no token, because options.token failed: ${messageOf(err)}`);
      return dialing === this.#dialing && this.#run({ kind: "noToken", error });
    }
    if (dialing !== this.#dialing) return;
    try {
      this.#socket = this.#open(token);
    } catch (err) {
      await null; // the first attempt begins before anybody can listen
      return dialing === this.#dialing && this.#run({ kind: "undialable", error: /** @type {ConnectorError} */ (err) });
    }
    this.#listen(this.#socket);
    this.#run({ kind: "dialed" });
  }

  /** open opens a socket. The ConnectorError that it throws stays true however often it is tried. @param {string} [token] @returns {Socket} */
  #open(token) {
    if (!this.#WebSocket) {
      throw new ConnectorError("Closed", "There is no WebSocket here. Use Node 22 or newer, or pass one: connect(url, { WebSocket }), with that of the npm package ws or undici.");
    }
    const { delta, acceptFrom, room = this.#firstRoom?.() } = this.#options;
    try {
      return new this.#WebSocket(socketURL(this.url, { base: globalThis.location?.href, delta, acceptFrom, room, token }));
    } catch (err) {
      throw new ConnectorError("Closed", `No WebSocket can be opened to ${this.url}: ${messageOf(err)}. Pass the gateway's address, like wss://gateway.example.`);
    }
  }

  /** @param {Socket} socket */
  #listen(socket) {
    /** @param {LinkInput} input */
    const run = (input) => socket === this.#socket && this.#run(input);
    socket.onopen = () => run({ kind: "opened" });
    socket.onmessage = ({ data }) => run({ kind: "received", frame: parse(data) });
    socket.onclose = ({ code }) => run({ kind: "closed", code });
    // An error is followed by close, but not in Node 20. Somebody must listen: sockets of
    // the npm package ws end the process otherwise.
    socket.onerror = () => run({ kind: "failed" });
  }

  /** @param {number} code */
  #drop(code) {
    this.#dialing++;
    this.#cancel("flush");
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState < 2) socket.close(code);
  }

  /** @param {LinkEvents["ready"]} ready */
  #ready(ready) {
    this.#pacer = new Pacer(ready.details.limits?.messages_per_second ?? 0, performance.now());
    const dropped = ready.reset ? this.#outbox.dropMessages() : 0; // they were meant for the id that is lost
    if (dropped > 0) this.emit("dropped", { count: dropped });
    this.emit("ready", ready);
    this.#flush();
  }

  /** @param {string} name @param {number} ms @param {() => void} fn */
  #timer(name, ms, fn) {
    this.#cancel(name);
    this.#timers.set(name, setTimeout(fn, ms));
  }

  /** @param {string} name */
  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  // --- frames out ---

  #flush() {
    this.#cancel("flush");
    while (!this.#outbox.empty && this.#state.phase === "open" && this.#socket?.readyState === 1) {
      const wait = this.#pacer.take(performance.now());
      if (wait > 0) return this.#timer("flush", wait, () => this.#flush());
      const entry = this.#outbox.take();
      if (entry && (!entry.claim || entry.claim())) this.#write(entry.text);
    }
  }

  /** @param {string} text */
  #write(text) {
    if (this.#socket?.readyState !== 1) return;
    this.#socket.send(text);
    this.emit("sent", text);
  }
}

/** @param {string} text @returns {import("../connector.js").Frame|undefined} undefined when it is none */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {any} err what was thrown, which may be anything */
const messageOf = (err) => err?.message ?? err;
