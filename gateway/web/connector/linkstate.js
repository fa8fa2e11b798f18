// LinkState decides what a link does: when it connects, whether it resumes, what a broken
// connection means. It is a pure step function: an input goes in, effects come out, and
// link.js carries them out. It knows no socket, timer or clock.
//
//	phase     what there is                       input      next phase
//	waiting   the timer retry runs                retry      dialing, as after online and back
//	dialing   a token, then a socket is made;     dialed     opening
//	          the timer late runs                 noToken    waiting, as after late
//	                                              undialable closed
//	opening   a socket, and the timer late        opened     resuming, if there is a session
//	                                              received   open, when it greets a peer without a session
//	resuming  Resume has no answer; the timer     received   open, when it answers Resume; waiting, when the
//	          late runs                                      server cannot tell now
//	open      frames go both ways                 received   open
//	                                              probe      waiting: nothing came after a Ping
//	away      the page is hidden for good, or     back       dialing, as a new peer
//	          in the cache of the browser
//	closed    nothing, for ever
//
//	opening, resuming, open   closed, late        waiting, or closed when the close code is final
//	any but closed            leave               away
//	any but closed            close               closed
//	before the first greeting limit               closed
//
// Every other pair changes no phase.

/** @import { ConnectionState, Frame } from "../connector.js" */
/** @import { Details, LinkEffect, LinkInput, LinkOptions, Ready } from "./types.js" */

import { ConnectorError } from "./error.js";
import { place, whyClosed } from "./reason.js";
import { Rotation, afterClose, backoff, resumeFrame } from "./timing.js";

const connectPatience = 30_000; // ms until a server must have greeted for the first time
const maxBadTokens = 3; // fresh tokens that may be refused one after the other
const tokenPatience = 20_000; // ms until options.token must have settled; less than connectPatience, to be its reason
const patience = 15_000; // ms from opening to being greeted; the server's own deadline is 12 s
const closeFollows = 100; // ms from the error of a socket to its close, at most
const goodAfter = 5_000; // ms after which a connection counts as good and backoff starts anew
const probeAfter = 30_000; // ms without a frame after which a page that comes to the front asks
const probePatience = 5_000; // ms
const maxUnavailable = 5; // resumes that may fail for want of the bus before the fresh id is taken

/** What is known of the present connection. */
const unknown = () => ({
  fresh: /** @type {Details|null} */ (null), // Client_Details while it still asks to resume
  received: 0, // text frames
  refusal: /** @type {ConnectorError|null} */ (null), // what it was refused with, in place of a greeting
  greetedAt: 0,
  receivedAt: 0,
  probing: false,
});

export class LinkState {
  phase = /** @type {"waiting"|"dialing"|"opening"|"resuming"|"open"|"away"|"closed"} */ ("waiting");
  state = /** @type {ConnectionState} */ ("connecting"); // as applications see it
  session;
  id = "";

  #options;
  #rotation;
  #now = 0;
  #conn = unknown();
  #attempt = 0;
  #mark; // text frames received on the connection that session came on, when that is not the present one
  #unavailable = 0;
  #badTokens = 0;
  #drainAt = 0;
  #why = /** @type {ConnectorError|null} */ (null); // why the last attempt failed, as far as there is a reason
  #effects = /** @type {LinkEffect[]} */ ([]);

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
    this.#rotation = new Rotation(options.urls);
    this.session = options.session ?? "";
    this.#mark = options.received ?? 0;
  }

  get url() {
    return this.#rotation.current;
  }

  /** Text frames received on the connection that session came on. */
  get received() {
    return this.phase === "open" ? this.#conn.received : this.#mark;
  }

  /** Takes an input and returns the effects, to be carried out in their order. @param {LinkInput} input @param {number} now milliseconds */
  step(input, now) {
    this.#now = now;
    if (this.phase !== "closed") this.#handle(input);
    return this.#effects.splice(0);
  }

  /** @param {LinkInput} input */
  #handle(input) {
    const { phase } = this;
    switch (input.kind) {
      case "begin":
        return this.#begin();
      case "retry":
        return phase === "waiting" ? this.#dial() : undefined;
      case "back": // the page is out of the browser's cache
        if (phase === "away") {
          this.session = "";
          return this.#begin();
        }
      // falls through
      case "online": // the network is back
        return phase === "waiting" ? this.#dial() : this.#ask();
      case "visible": // the page is in front again
        return this.#now - this.#conn.receivedAt > probeAfter ? this.#ask() : undefined;
      case "leave": // else the others would see us for the grace period
        this.#drop(1000);
        this.#do({ do: "cancel", timer: "retry" }, { do: "cancel", timer: "limit" });
        this.phase = "away";
        return this.#become(this.id ? "reconnecting" : "connecting");
      case "noToken":
        return phase === "dialing" ? this.#noToken(input.error) : undefined;
      case "undialable":
        return phase === "dialing" ? this.#end(input.error) : undefined;
      case "dialed":
        if (phase !== "dialing") return;
        this.phase = "opening";
        this.#conn = unknown();
        return this.#timer("late", patience);
      case "opened":
        return phase === "opening" && this.session ? this.#resume() : undefined;
      case "failed":
        return this.#connected() ? this.#timer("late", closeFollows) : undefined;
      case "received":
        return this.#connected() ? this.#received(input.frame) : undefined;
      case "closed":
        return this.#broken(input.code);
      case "late":
        if (phase === "dialing") return this.#noToken();
      // falls through
      case "probe":
        return this.#broken(1006);
      case "limit":
        return this.#giveUp();
      case "close":
        return this.#end(new ConnectorError("Closed", "The connection was closed by this page."), 1000);
    }
  }

  #connected() {
    return this.phase === "opening" || this.phase === "resuming" || this.phase === "open";
  }

  #begin() {
    const limit = this.#limit();
    if (!this.id && limit > 0 && limit < Infinity) this.#timer("limit", limit);
    this.#dial();
  }

  #limit() {
    return this.#options.connectTimeout ?? connectPatience;
  }

  #dial() {
    this.#do({ do: "cancel", timer: "retry" });
    this.phase = "dialing";
    this.#timer("late", tokenPatience);
    this.#do({ do: "dial" });
  }

  /** Without an error, options.token did not settle in time. @param {ConnectorError} [error] */
  #noToken(error) {
    const unsettled = `There is no token, because options.token did not settle within ${tokenPatience / 1000} s. Let it reject sooner.`;
    this.#why = error ?? new ConnectorError("Unauthorised", unsettled);
    this.#drop(4000); // a token that comes later is not used
    this.#again(0);
  }

  #resume() {
    this.phase = "resuming";
    this.#do({ do: "write", frame: resumeFrame(this.session, this.#mark) });
  }

  // --- the end of a connection ---

  /** broken forgets a connection, whether it closed or only brings nothing, and plans the next. @param {number} code */
  #broken(code) {
    if (!this.#connected()) return;
    const greeted = this.phase === "open";
    const { received, refusal, greetedAt } = this.#conn;
    if (greeted) this.#mark = received;
    if (greeted && this.#now - greetedAt > goodAfter) this.#attempt = 0;
    this.#drop(4000);
    const plan = afterClose(code);
    this.#why = whyClosed(code, refusal);
    if (plan.freshToken && !greeted) this.#badTokens++;
    const freshToken = plan.freshToken && this.#options.freshTokens && this.#badTokens < maxBadTokens;
    if (!plan.again && !freshToken) return this.#end(/** @type {ConnectorError} */ (this.#why)); // such a code has a reason
    if (!greeted) this.#rotation.next();
    this.#again(plan.least);
  }

  /** @param {number} least milliseconds */
  #again(least) {
    let wait = Math.max(least, backoff(this.#attempt++, this.#options.backoff));
    if (this.#drainAt) {
      wait = Math.max(0, this.#drainAt - this.#now);
      this.#drainAt = 0;
      this.#rotation.next();
    }
    this.phase = "waiting";
    this.#become(this.id ? "reconnecting" : "connecting", { attempt: this.#attempt, wait, error: this.#why ?? undefined });
    this.#timer("retry", wait);
  }

  /** @param {number} code */
  #drop(code) {
    this.#do({ do: "drop", code }, { do: "cancel", timer: "late" }, { do: "cancel", timer: "probe" });
  }

  // No server has greeted in time. The last one's reason says most, if it gave one.
  #giveUp() {
    const nobody = `No server answered at ${place(this.url)} within ${this.#limit() / 1000} s. Check the address, and that the server runs.`;
    this.#end(this.#why ?? new ConnectorError("Timeout", nobody));
  }

  /** @param {ConnectorError} reason */
  #end(reason, code = 4000) {
    this.#drop(code);
    this.#do({ do: "cancel", timer: "limit" }, { do: "cancel", timer: "retry" }, { do: "end" });
    this.phase = "closed";
    this.#become("closed");
    this.#do({ do: "emit", name: "closed", value: reason });
  }

  // --- frames ---

  /** @param {Frame} [frame] missing when the text was none: not from our server, and it counts all the same */
  #received(frame) {
    this.#conn.received++;
    this.#conn.receivedAt = this.#now;
    this.#conn.probing = false;
    this.#do({ do: "cancel", timer: "probe" });
    if (!frame) return;
    this.#do({ do: "emit", name: "raw", value: frame });
    const info = frame.from === undefined && frame.type === "info"; // what a peer says is not the server's word
    if (info && frame.event === "Server_Draining") return this.#draining(frame.data ?? {});
    if (this.phase !== "open") return this.#greeting(frame);
    if (info && frame.event === "Session") this.session = frame.data.session;
    this.#do({ do: "emit", name: "frame", value: frame });
  }

  /**
   * greeting follows a connection until it is known who we are. Until then only
   * frames for the fresh id can come, and nobody knows that id.
   * @param {Frame} frame
   */
  #greeting(frame) {
    if (frame.type === "error" && frame.id === "resume") return this.#refused(frame);
    if (frame.type === "error" && frame.from === undefined && !this.#conn.fresh) this.#conn.refusal = ConnectorError.from(frame); // the close follows
    if (frame.event !== "Client_Details" || frame.type !== "info") return;
    if (this.session === "") return this.#ready(frame.data, { reset: this.id !== "" });
    if (frame.data.resumed) return this.#ready(frame.data, { resumed: true });
    this.#conn.fresh ??= frame.data;
  }

  /** refused: when the bus is away the session may still be good, so ask again for a while. @param {Frame} frame */
  #refused(frame) {
    this.phase = "opening"; // Resume is answered: the session stands where it stood
    if (["Unavailable", "Rate_Limited"].includes(frame.event) && ++this.#unavailable < maxUnavailable) return this.#broken(1013);
    this.#ready(this.#conn.fresh ?? { id: "" }, { reset: true, refusal: ConnectorError.from(frame) });
  }

  /** @param {Details} details @param {Partial<Ready>} how */
  #ready(details, how) {
    this.#do({ do: "cancel", timer: "late" }, { do: "cancel", timer: "limit" });
    this.phase = "open";
    this.#conn.greetedAt = this.#now;
    this.#why = null;
    this.#badTokens = this.#unavailable = this.#drainAt = 0;
    this.id = details.id;
    this.session = details.session ?? "";
    this.state = "open";
    this.#do({ do: "ready", ready: { details, resumed: false, reset: false, ...how } });
    this.#become("open");
  }

  /** @param {{reconnect_after_ms?: number}} data */
  #draining(data) {
    const ms = Number(data.reconnect_after_ms) || 0;
    this.#drainAt = this.#now + ms;
    this.#do({ do: "emit", name: "draining", value: { ms } });
  }

  // ask finds out whether a connection that brought nothing for a while still lives; the
  // browser itself would notice only after minutes.
  #ask() {
    if (this.phase !== "open" || this.#conn.probing) return;
    this.#conn.probing = true;
    this.#do({ do: "write", frame: { event: "Ping", id: "probe" } });
    this.#timer("probe", probePatience);
  }

  // --- effects ---

  /** @param {ConnectionState} state @param {object} [more] */
  #become(state, more) {
    this.state = state;
    this.#do({ do: "emit", name: "state", value: { state, url: this.url, ...more } });
  }

  /** @param {"retry"|"late"|"probe"|"limit"} timer @param {number} ms */
  #timer(timer, ms) {
    this.#do({ do: "timer", timer, ms });
  }

  /** @param {LinkEffect[]} effects */
  #do(...effects) {
    this.#effects.push(...effects);
  }
}
