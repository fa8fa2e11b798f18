// Signaling decides what one side of a call does: perfect negotiation (W3C WebRTC,
// section 10.7) for signals that may be lost, refused or late. It is a pure step
// function: an input goes in, effects come out, and peer.js carries them out. It
// knows no RTCPeerConnection, clock or socket.
//
//	phase     RTCPeerConnection            leaves it when
//	idle      stable                       needed: making; their offer: taking
//	making    sets its local offer         made: offered, and the offer is sent
//	offered   have-local-offer             their answer: applying; their offer: taking
//	                                       if we are the polite side, else it is ignored
//	taking    sets their offer, answers    taken: idle, and the answer is sent
//	applying  sets their answer            applied: idle
//
// Signals that come in making, taking and applying wait for the end of that.
//
// Generations. Each RTCPeerConnection has a number, greater than those that the same
// side used for this call before: its generation. One RTCPeerConnection can only talk
// to one other, so a call is a pair of generations, and the newest pair wins. A signal
// names its sender's generation (call) and, once the sender has taken a description of
// ours, the generation of ours that it took it from (with):
//
//	call is older than the newest one known     ignored; an offer is answered with the
//	                                            newest one as `with`
//	call is newer, and we took nothing yet      it is the other side from now on
//	call is newer, and we took a description    we renew: a new generation of ours
//	with is an older generation of ours         ignored, answered with ours: they renew
//	with is newer than ours                     we renew above it (a clock was set back)
//
// Each line moves one side to a newer pair or repeats the newest, so both sides end at
// the same pair when signals arrive again.
//
// Repeats. An offer is sent again until it is answered; an offer that comes twice gets
// the same answer again. Nobody waits for a signal that is sent only once. A refused
// signal ends nothing: the state is sent again after a while, and at once when a frame
// of the other side shows that it is back. The only end is Not_Found for a peer that
// shares no room with us and was never connected.
//
// Inputs and effects are listed in types.d.ts.

/** @import { Around, CloseReason, Effect, Input, PeerState, Signal, SignalData, SignalingOptions } from "./types.js" */

import { candidatesOf, compare, generation, isInteger } from "./signals.js";
import { backoff } from "./timing.js";

const patience = 15_000; // ms for an answer, and for a path to come up
const mendTime = 3_000; // ms that a broken path gets to mend itself
const offline = 1_000; // ms until we look again whether we have a connection to the server
const maxTries = 6; // in a row that a peer who is there leaves without effect
const maxStep = 1e6; // above a generation that was used before: a later one may have been used too
const maxWaiting = 320; // signals that wait for the RTCPeerConnection
const maxEarly = 256; // candidates that came before a description

export class Signaling {
  phase = /** @type {"idle"|"making"|"offered"|"taking"|"applying"} */ ("idle");
  state = /** @type {PeerState} */ ("connecting"); // Peer.state

  #own;
  #polite;
  #next; // draws a number greater than all before
  #random;
  #theirs = /** @type {number|string|undefined} */ (undefined); // the newest generation of the other side
  #bound = false; // we took a description of #theirs
  #described = false; // and it is set, so that candidates can be added
  #needed = false;
  #offer = 0; // n of our offer that has no answer yet
  #taking = /** @type {number|undefined} */ (undefined); // n of their offer that is being answered
  #taken = 0; // n of their offer that we answered last
  #answer = /** @type {{re?: number}|null} */ (null); // the answer that we sent last, until an offer of ours is answered
  #waiting = /** @type {Signal[]} */ ([]);
  #early = /** @type {RTCIceCandidateInit[]} */ ([]);
  #up = false;
  #wasUp = false;
  #lost = false; // a signal was refused and nothing has been sent since
  #away = false; // it was refused because the other side has no connection
  #tries = 0;
  #timed = false;
  #effects = /** @type {Effect[]} */ ([]);

  /** @param {SignalingOptions} options */
  constructor({ own, polite, next, random = Math.random }) {
    this.#own = own;
    this.#polite = polite;
    this.#next = next;
    this.#random = random;
  }

  /** Takes an input and returns the effects, to be carried out in their order. @param {Input} input */
  step(input) {
    if (this.state !== "closed") {
      this.#handle(input);
      this.#advance();
    }
    return this.#effects.splice(0);
  }

  /** @param {Input} input */
  #handle(input) {
    switch (input.kind) {
      case "begin":
        return this.#timer(patience);
      case "needed":
        this.#needed = true;
        return;
      case "made":
        return this.#made(input.offer);
      case "taken":
        return this.#tookOffer();
      case "applied":
        return this.#tookAnswer();
      case "failed":
        return this.#failed(input);
      case "signal":
        if (this.#waiting.length < maxWaiting) this.#waiting.push({ event: input.event, data: input.data });
        return;
      case "refused":
        return this.#refused(input);
      case "seen":
        return this.#seen();
      case "resumed":
        return this.#resumed();
      case "tick":
        this.#timed = false;
        return this.#tick(input);
      case "path":
        return this.#path(input.to);
      case "restart":
        this.#tries = 0;
        return this.#up ? this.#do({ do: "restart" }) : this.#tick(input);
      case "close":
        this.#send("Candidate", { bye: true });
        return this.#finish("closed");
      case "end":
        return this.#finish(input.reason);
    }
  }

  // advance takes what waits as soon as the RTCPeerConnection can.
  #advance() {
    while (this.state !== "closed" && !this.#busy()) {
      const signal = this.#waiting.shift();
      if (signal) this.#signal(signal);
      else if (this.#needed && this.phase === "idle") {
        this.#needed = false;
        this.phase = "making";
        this.#do({ do: "offer" });
      } else return;
    }
  }

  #busy() {
    return this.phase !== "idle" && this.phase !== "offered";
  }

  // --- what the RTCPeerConnection has done ---

  /** @param {boolean} offer */
  #made(offer) {
    this.phase = offer ? "offered" : "idle";
    if (!offer) return;
    this.#offer = this.#next();
    this.#sendOffer();
    if (!this.#timed) this.#timer(patience);
  }

  #tookOffer() {
    this.phase = "idle";
    this.#described = true;
    this.#offer = 0;
    this.#answer = { re: this.#taking };
    if (isInteger(this.#taking)) this.#taken = this.#taking;
    this.#sendAnswer();
    this.#addEarly();
  }

  #tookAnswer() {
    this.phase = "idle";
    this.#described = true;
    this.#offer = 0;
    this.#answer = null;
    this.#addEarly();
  }

  /** failed: a description that does not fit. The next try begins anew. @param {{error: unknown, offering: boolean}} input */
  #failed({ error, offering }) {
    this.phase = offering ? "offered" : "idle";
    if (!offering) this.#offer = 0;
    this.#do({ do: "error", error });
    this.#retry();
  }

  #addEarly() {
    for (const candidate of this.#early.splice(0)) this.#do({ do: "candidate", candidate });
  }

  /** @param {"up"|"broken"|"failed"} to */
  #path(to) {
    this.#up = to === "up";
    if (this.#up) {
      this.#wasUp = true;
      this.#tries = 0;
      if (this.phase === "idle" && !this.#lost) this.#cancel();
      return this.#become("connected");
    }
    this.#become("reconnecting");
    this.#timer(to === "broken" ? mendTime : this.#backoff());
  }

  // --- what the other side sends ---

  /** @param {Signal} signal */
  #signal({ event, data }) {
    const call = generation(data.call);
    const pair = isInteger(data.with) ? data.with : this.#own;
    if (pair > this.#own) return this.#renew(pair + 1 + Math.floor(this.#random() * maxStep));
    const age = compare(call, this.#theirs, event);
    if (age < 0) return event === "Offer" ? this.#send("Candidate", {}, this.#theirs) : undefined;
    const current = pair === this.#own;
    if (data.bye) return current ? this.#finish("closed") : undefined;
    if (age > 0) {
      if (this.#bound) return this.#renew(0, { event, data });
      this.#theirs = call;
      this.#early = [];
    }
    if (!current) return this.#repeat();
    if (data.description?.type === "offer") this.#theirOffer(data.description, data.n);
    else if (data.description?.type === "answer") this.#theirAnswer(data.description, data.re);
    else if (data.candidate) this.#theirCandidate(data.candidate);
    this.#back();
  }

  /** @param {RTCSessionDescriptionInit} description @param {number} [n] */
  #theirOffer(description, n) {
    if (isInteger(n) && n <= this.#taken) {
      if (n < this.#taken || !this.#answer) return;
      for (const candidate of candidatesOf(description)) this.#theirCandidate(candidate);
      return this.#sendAnswer();
    }
    const collision = this.phase === "offered";
    if (collision && !this.#polite) return;
    this.phase = "taking";
    this.#bound = true;
    this.#taking = n;
    this.#do({ do: "take", description, rollback: collision });
  }

  /** @param {RTCSessionDescriptionInit} description @param {number} [re] */
  #theirAnswer(description, re) {
    if (this.phase !== "offered" || (re !== undefined && re !== this.#offer)) return;
    this.phase = "applying";
    this.#bound = true;
    this.#do({ do: "apply", description });
  }

  /** @param {RTCIceCandidateInit} candidate */
  #theirCandidate(candidate) {
    if (this.#described) this.#do({ do: "candidate", candidate });
    else if (this.#early.length < maxEarly) this.#early.push(candidate);
  }

  /** @param {number} least @param {Signal[]} signals */
  #renew(least, ...signals) {
    this.#cancel();
    this.#become("closed");
    this.#do({ do: "renew", least, signals: [...signals, ...this.#waiting] });
  }

  // --- what may have been lost ---

  /** @param {{code: string, retryAfter?: number, shares: boolean}} input */
  #refused({ code, retryAfter, shares }) {
    if (code === "Not_Found" && !shares && !this.#wasUp) return this.#finish("gone");
    this.#lost = true;
    this.#away = code === "Not_Found";
    this.#retry(retryAfter);
  }

  // seen: a frame of the other side shows that it is there.
  #seen() {
    if (!this.#lost) return;
    this.#tries = 0;
    this.#repeat();
    this.#timer(patience);
  }

  // back: so does a signal, and it also ends that we gave up.
  #back() {
    if (this.state === "closed" || (!this.#lost && this.#tries < maxTries)) return;
    this.#revive();
    this.#repeat();
    this.#timer(patience);
  }

  // resumed: what we sent, and what was sent to us, may be lost, and the path may have
  // changed with the network. What we send shows the other side that we are back.
  #resumed() {
    this.#revive();
    this.#repeat();
    if (!this.#up && this.#described && this.phase === "idle") this.#do({ do: "restart" });
    if (!this.#up || this.phase === "offered") this.#timer(patience);
  }

  #revive() {
    this.#tries = 0;
    if (this.state === "failed") this.#become("reconnecting");
  }

  /** @param {Around} input */
  #tick({ open, shares }) {
    const well = this.#up && !this.#lost && this.phase === "idle";
    if (well) return;
    if (!open) return this.#timer(offline); // nothing can be sent: that is not a try
    if (this.#busy()) return this.#timer(patience);
    const mayReturn = this.#away && shares; // it is still a member of a room of ours
    if (this.#tries >= maxTries && !mayReturn) return this.#giveUp();
    this.#tries++;
    this.#become(this.state === "failed" ? "reconnecting" : this.state);
    this.#timer(patience);
    if (this.#lost || this.phase === "offered") this.#repeat();
    else this.#do({ do: "restart" });
  }

  #giveUp() {
    if (this.#up) return;
    if (this.#away) this.#finish("gone");
    else this.#become("failed");
  }

  /** @param {number} [after] milliseconds */
  #retry(after) {
    this.#timer(after ?? 500 + this.#backoff());
  }

  #backoff() {
    return backoff(this.#tries, { base: 500, cap: 8_000, random: this.#random });
  }

  // --- what goes out ---

  // repeat sends what the other side needs to be where we are. In the other phases
  // an offer or an answer follows anyway.
  #repeat() {
    if (this.#busy()) return;
    if (this.#answer) this.#sendAnswer();
    if (this.phase === "offered") this.#sendOffer();
    else if (!this.#answer && this.#theirs !== undefined) this.#send("Candidate", {});
  }

  #sendOffer() {
    this.#send("Offer", { n: this.#offer });
  }

  #sendAnswer() {
    this.#send("Answer", { ...this.#answer });
  }

  /** @param {string} event @param {SignalData} data @param {SignalData["with"]} [pair] */
  #send(event, data, pair) {
    this.#lost = this.#away = false;
    this.#do({ do: "send", event, data: this.stamp(data, pair) });
  }

  /** data as a signal of this generation; for candidates, which need no decision. @param {SignalData} data @returns {SignalData} */
  stamp(data, pair = this.#bound ? this.#theirs : undefined) {
    return { ...data, call: this.#own, with: pair };
  }

  /** @param {CloseReason} reason */
  #finish(reason) {
    this.#cancel();
    this.#become("closed");
    this.#do({ do: "finish", reason });
  }

  /** @param {PeerState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#do({ do: "state", state });
  }

  /** @param {number} ms */
  #timer(ms) {
    this.#timed = true;
    this.#do({ do: "timer", ms });
  }

  #cancel() {
    this.#timed = false;
    this.#do({ do: "cancel" });
  }

  /** @param {Effect} effect */
  #do(effect) {
    this.#effects.push(effect);
  }
}
