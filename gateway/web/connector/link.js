// Link is one conversation with the server that outlives its WebSockets: it
// connects, waits, resumes, and keeps what is to be sent in order and bounded.
//
// A connection goes through phases:
//
//	none      there is none: a timer runs, or a token is waited for
//	opening   there is a socket; it sends Resume when it opens, if there is a session
//	resuming  Resume has no answer yet; another greeting may have come
//	open      the server has greeted: frames go both ways
//
// Every phase ends at none when the socket breaks, or is given up because nothing arrives on it.
//
// Events: state, ready, frame, raw (every frame received), sent (every text sent),
// draining, dropped, leaving (the last chance to send something), closed.

/** @import { ConnectOptions, ConnectionState, Frame, Socket } from "../connector.js" */
/** @import { Details, LinkEvents, Outgoing, Ready } from "./types.js" */

import { Emitter } from "./emitter.js";
import { ConnectorError } from "./error.js";
import { Outbox } from "./outbox.js";
import { watchPage } from "./page.js";
import { checkAddress, place, whyClosed } from "./reason.js";
import { Pacer, Rotation, afterClose, backoff, resumeFrame, socketURL } from "./timing.js";

const maxUnsentBytes = 4 << 20; // what the browser may hold for a slow network
const connectPatience = 30_000; // ms until a server must have greeted for the first time
const maxBadTokens = 3; // fresh tokens that may be refused one after the other
const patience = 15_000; // ms from opening to being greeted; the server's own deadline is 12 s
const closeFollows = 100; // ms from the error of a socket to its close, at most
const goodAfter = 5_000; // ms after which a connection counts as good and backoff starts anew
const probeAfter = 30_000; // ms without a frame after which a page that comes to the front asks
const probePatience = 5_000; // ms
const maxUnavailable = 5; // resumes that may fail for want of the bus before the fresh id is taken

/**
 * One connection: what is known of it from the moment its socket is made.
 * @typedef {object} Connection
 * @property {"none"|"opening"|"resuming"|"open"} phase
 * @property {Details|null} fresh Client_Details while it still asks to resume
 * @property {number} received text frames
 * @property {ConnectorError|null} refusal what it was refused with, in place of a greeting
 * @property {number} greetedAt
 * @property {number} receivedAt
 */

/** @param {Connection["phase"]} phase @returns {Connection} */
const connection = (phase) => ({ phase, fresh: null, received: 0, refusal: null, greetedAt: 0, receivedAt: 0 });

/** @extends {Emitter<LinkEvents>} */
export class Link extends Emitter {
  state = /** @type {ConnectionState} */ ("connecting");
  session = "";
  id = "";

  #options;
  #rotation;
  #WebSocket;
  #socket = /** @type {Socket|null} */ (null);
  #opening = 0; // which attempt may go on after waiting for a token
  #timer = 0;
  #late = 0; // runs while a connection has not been greeted
  #attempt = 0;
  #unavailable = 0;
  #now = connection("none"); // the connection that is tried or used now
  #mark = 0; // text frames received on the connection that broke
  #unsure = false; // a Resume got no answer, so the session may stand behind a connection that broke unseen
  #probe = 0;
  #drainAt = 0;
  #outbox = new Outbox();
  #pacer = new Pacer(0, 0);
  #flushTimer = 0;
  #forget;
  #limit = 0; // runs until a server has greeted for the first time
  #why = /** @type {ConnectorError|null} */ (null); // the reason, as far as there is one, why the last attempt failed
  #badTokens = 0;

  /** Throws when an address is none: nothing would ever come of it. @param {string[]} urls @param {ConnectOptions} [options] */
  constructor(urls, options = {}) {
    super();
    for (const url of urls) checkAddress(url);
    this.#options = options;
    this.#rotation = new Rotation(urls);
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.session = options.session ?? "";
    this.#forget = watchPage({
      online: () => (this.#timer ? this.#openNow() : this.#ask()),
      visible: () => performance.now() - this.#now.receivedAt > probeAfter && this.#ask(),
      leave: () => {
        if (options.leaveOnUnload === false) return; // the socket breaks with the page, and its session stays
        this.emit("leaving", undefined);
        this.#drop(1000); // else the others would see us for the grace period
      },
      back: () => {
        if (options.leaveOnUnload !== false) this.session = "";
        this.#openNow();
      },
    });
    const limit = options.connectTimeout ?? connectPatience;
    if (limit > 0 && limit < Infinity) this.#limit = setTimeout(() => this.#giveUp(limit), limit);
    this.#open();
  }

  get url() {
    return this.#rotation.current;
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
    this.#end(new ConnectorError("Closed", "The connection was closed by this page."), 1000);
  }

  // --- one attempt ---

  #openNow() {
    if (this.state === "closed") return;
    clearTimeout(this.#timer);
    this.#open();
  }

  async #open() {
    this.#timer = 0;
    const opening = ++this.#opening;
    let { token } = this.#options;
    try {
      if (typeof token === "function") token = await token();
    } catch (err) {
      if (opening !== this.#opening) return;
      this.#why = new ConnectorError("Unauthorised", `There is no token, because options.token failed: ${messageOf(err)}`);
      return this.#again(0);
    }
    if (opening !== this.#opening || this.state === "closed") return;
    this.#now = connection("opening");
    /** @type {Socket} */
    let socket;
    try {
      socket = this.#dial(token);
    } catch (err) {
      await null; // the first attempt begins before anybody can listen
      return opening === this.#opening && this.#end(/** @type {ConnectorError} */ (err));
    }
    this.#socket = socket;
    this.#late = setTimeout(() => this.#broken(socket, 1006), patience);
    socket.onopen = () => this.session && this.#resume();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#message(data);
    socket.onclose = ({ code }) => this.#broken(socket, code);
    // An error is followed by close, but not in Node 20. Somebody must listen: sockets of
    // the npm package ws end the process otherwise.
    socket.onerror = () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#late);
      this.#late = setTimeout(() => this.#broken(socket, 1006), closeFollows);
    };
  }

  /** dial opens a socket. The ConnectorError that it throws stays true however often it is tried. @param {string} [token] */
  #dial(token) {
    if (!this.#WebSocket) {
      throw new ConnectorError("Closed", "There is no WebSocket here. Use Node 22 or newer, or pass one: connect(url, { WebSocket }), with that of the npm package ws or undici.");
    }
    const { delta, acceptFrom } = this.#options;
    try {
      return new this.#WebSocket(socketURL(this.url, { base: globalThis.location?.href, delta, acceptFrom, token }));
    } catch (err) {
      throw new ConnectorError("Closed", `No WebSocket can be opened to ${this.url}: ${messageOf(err)}. Pass the gateway's address, like wss://gateway.example.`);
    }
  }

  #resume() {
    this.#now.phase = "resuming";
    this.#write(JSON.stringify(resumeFrame(this.session, this.#unsure ? undefined : this.#mark)));
  }

  /** broken forgets a socket, whether it closed or only brings nothing, and plans the next. @param {Socket|null} socket @param {number} code */
  #broken(socket, code) {
    if (socket !== this.#socket || this.state === "closed") return;
    this.#drop(4000);
    const { phase, received, refusal, greetedAt } = this.#now;
    const greeted = phase === "open";
    this.#now.phase = "none";
    if (greeted) this.#mark = received;
    else if (phase === "resuming" && !refusal) this.#unsure = true; // a refused connection reads nothing
    if (greeted && performance.now() - greetedAt > goodAfter) this.#attempt = 0;
    const plan = afterClose(code);
    const freshToken = plan.freshToken && typeof this.#options.token === "function";
    this.#why = whyClosed(code, refusal);
    if (plan.freshToken && !greeted) this.#badTokens++;
    if (!plan.again && (!freshToken || this.#badTokens >= maxBadTokens)) return this.#end(/** @type {ConnectorError} */ (this.#why)); // such a code has a reason
    if (!greeted) this.#rotation.next();
    this.#again(plan.least);
  }

  /** @param {number} least milliseconds */
  #again(least) {
    let wait = Math.max(least, backoff(this.#attempt++, this.#options.backoff));
    if (this.#drainAt) {
      wait = Math.max(0, this.#drainAt - performance.now());
      this.#drainAt = 0;
      this.#rotation.next();
    }
    this.#become(this.id ? "reconnecting" : "connecting", { attempt: this.#attempt, wait, error: this.#why ?? undefined });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  /** @param {number} code */
  #drop(code) {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of [this.#late, this.#probe, this.#flushTimer]) clearTimeout(timer);
    this.#probe = this.#flushTimer = 0;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState < 2) socket.close(code);
  }

  /** giveUp: no server has greeted in time. The last one's reason says most, if it gave one. @param {number} ms */
  #giveUp(ms) {
    const nobody = `No server answered at ${place(this.url)} within ${ms / 1000} s. Check the address, and that the server runs.`;
    this.#end(this.#why ?? new ConnectorError("Timeout", nobody));
  }

  /** @param {ConnectorError} reason */
  #end(reason, code = 4000) {
    if (this.state === "closed") return;
    clearTimeout(this.#limit);
    this.#opening++;
    this.#drop(code);
    clearTimeout(this.#timer);
    this.#forget();
    this.#outbox.clear();
    this.#become("closed");
    this.emit("closed", reason);
  }

  /** @param {ConnectionState} state @param {Partial<LinkEvents["state"]>} [more] */
  #become(state, more = {}) {
    this.state = state;
    this.emit("state", { state, url: this.url, ...more });
  }

  // --- frames in ---

  /** @param {string} text */
  #message(text) {
    this.#now.received++;
    this.#now.receivedAt = performance.now();
    clearTimeout(this.#probe);
    this.#probe = 0;
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // not from our server; it still counts as received
    }
    this.emit("raw", frame);
    const server = frame.from === undefined; // what a peer says is not the server's word
    if (server && frame.type === "info" && frame.event === "Server_Draining") return this.#draining(frame.data ?? {});
    if (this.#now.phase !== "open") return this.#greeting(frame);
    if (server && frame.type === "info" && frame.event === "Session") this.session = frame.data.session;
    this.emit("frame", frame);
  }

  /**
   * greeting follows a connection until it is known who we are. Until then only
   * frames for the fresh id can come, and nobody knows that id.
   * @param {Frame} frame
   */
  #greeting(frame) {
    if (frame.type === "error" && frame.id === "resume") return this.#refused(frame);
    if (frame.type === "error" && frame.from === undefined && !this.#now.fresh) this.#now.refusal = ConnectorError.from(frame); // the close follows
    if (frame.event !== "Client_Details" || frame.type !== "info") return;
    if (this.session === "") return this.#ready(frame.data, { reset: this.id !== "" });
    if (frame.data.resumed) return this.#ready(frame.data, { resumed: true });
    this.#now.fresh ??= frame.data;
  }

  /** refused: when the bus is away the session may still be good, so ask again for a while. @param {Frame} frame */
  #refused(frame) {
    this.#now.phase = "opening"; // Resume is answered: the session stands where it stood
    if (["Unavailable", "Rate_Limited"].includes(frame.event) && ++this.#unavailable < maxUnavailable) {
      return this.#broken(this.#socket, 1013);
    }
    this.#ready(this.#now.fresh ?? { id: "" }, { reset: true, refusal: ConnectorError.from(frame) });
  }

  /** @param {Details} details @param {Partial<Ready>} how */
  #ready(details, how) {
    clearTimeout(this.#late);
    clearTimeout(this.#limit);
    this.#why = null;
    this.#badTokens = 0;
    this.#now.phase = "open";
    this.#now.greetedAt = performance.now();
    this.#unavailable = 0;
    this.#unsure = false;
    this.#drainAt = 0;
    this.id = details.id;
    this.session = details.session ?? "";
    this.#pacer = new Pacer(details.limits?.messages_per_second ?? 0, performance.now());
    const dropped = how.reset ? this.#outbox.dropMessages() : 0; // they were meant for the id that is lost
    if (dropped > 0) this.emit("dropped", { count: dropped });
    this.state = "open";
    this.emit("ready", { details, resumed: false, reset: false, ...how });
    this.#become("open");
    this.#flush();
  }

  /** @param {{reconnect_after_ms?: number}} data */
  #draining(data) {
    const ms = Number(data.reconnect_after_ms) || 0;
    this.#drainAt = performance.now() + ms;
    this.emit("draining", { ms });
  }

  // ask finds out whether a connection that brought nothing for a while still lives; the
  // browser itself would notice only after minutes.
  #ask() {
    if (this.#now.phase !== "open" || this.#probe) return;
    const socket = this.#socket;
    this.#write('{"event":"Ping","id":"probe"}');
    this.#probe = setTimeout(() => this.#broken(socket, 1006), probePatience);
  }

  // --- frames out ---

  #flush() {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = 0;
    while (!this.#outbox.empty && this.#now.phase === "open" && this.#socket?.readyState === 1) {
      const wait = this.#pacer.take(performance.now());
      if (wait > 0) {
        this.#flushTimer = setTimeout(() => this.#flush(), wait);
        return;
      }
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

/** @param {any} err what was thrown, which may be anything */
const messageOf = (err) => err?.message ?? err;
