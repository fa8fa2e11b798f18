// Peer is an RTCPeerConnection to another peer with the signaling done: perfect
// negotiation, candidates kept until they can be used, restarts when the path
// breaks. Both sides may call at once, add and remove tracks at any time.
//
// Signals are frames to the other peer whose data is
//   Offer      {description, call, with, n}
//   Answer     {description, call, with, re}
//   Candidate  {candidate, call, with}, or {bye: true, call, with}, or {call, with} alone
// call is the generation of the sender's RTCPeerConnection, with is the generation of the
// receiver's that it has taken a description of, n numbers the sender's offers and re is
// the n that is answered; see signaling.js, which decides. Peers that leave call, with, n
// and re out are understood.
//
// Events: state (its name), track (RTCTrackEvent), channel (RTCDataChannel made by
// the other side), open (peer.data is open), data ({data} from peer.data), message
// ({from, data}, through the server), error (negotiation failed; it is tried again),
// close ({reason}).

/** @import { Peer as Declared, ConnectorError as RemoteError, Json, PeerEvents, PeerOptions } from "../connector.js" */
/** @import { CloseReason, Effect, Input, PeerHub, SignalData } from "./types.js" */

import { Emitter } from "./emitter.js";
import { ConnectorError } from "./error.js";
import { Signaling } from "./signaling.js";

/** What a state of the RTCPeerConnection means for the path. @type {{[state: string]: "up"|"broken"|"failed"|undefined}} */
const paths = { connected: "up", disconnected: "broken", failed: "failed" };
const gathering = 1_000; // ms that a first candidate may take before an offer gives way

// next draws the numbers of generations and offers: each is greater than all before,
// also than those of a page with the same session that was here earlier.
let drawn = 0;
const next = () => (drawn = Math.max(drawn + 1, Date.now()));

/**
 * @extends {Emitter<PeerEvents>}
 * @implements {Declared}
 */
export class Peer extends Emitter {
  /**
   * The default data channel, or null when options.data is false.
   * @type {RTCDataChannel|null}
   */
  data = null;

  #hub;
  #signaling;
  /** @type {Effect[]} */
  #todo = []; // effects that wait for those before them
  #running = false;
  /** @type {Promise<unknown>} */
  #found; // resolves with the first candidate of ours
  #timer = 0;

  /**
   * Made by the Connector. least is the lowest number that its generation may have.
   * @param {PeerHub} hub @param {string} id @param {PeerOptions & {least?: number}} [options]
   */
  constructor(hub, id, { data = true, rtc = {}, least = 0 } = {}) {
    super();
    this.id = id;
    this.#hub = hub;
    this.options = { data, rtc };
    this.#signaling = new Signaling({ own: Math.max(next(), least), polite: hub.id < id, next });
    this.pc = new hub.RTCPeerConnection({ iceServers: hub.iceServers, ...rtc });
    this.#found = this.#wire();
    if (data) this.#openData();
    this.#run({ kind: "begin" });
  }

  get state() {
    return this.#signaling.state;
  }

  /** Sends data through the server (event Message); works before there is a connection. @param {Json} data */
  send(data) {
    return this.#hub.send({ event: "Message", to: this.id, data });
  }

  /** @param {MediaStreamTrack} track @param {MediaStream[]} streams */
  addTrack(track, ...streams) {
    return this.pc.addTrack(track, ...streams);
  }

  /** Resolves when the connection is up; rejects when it is closed or given up. @returns {Promise<Peer>} */
  get connected() {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.state === "connected") resolve(this);
        else if (this.state === "closed" || this.state === "failed") reject(new ConnectorError("Closed", `No connection to ${this.id}.`));
        else this.once("state").then(look);
      };
      look();
    });
  }

  /** Looks for a new path, with fresh ICE servers; also after state "failed". */
  restart() {
    this.#run({ kind: "restart", ...this.#around() });
  }

  close() {
    this.#run({ kind: "close" });
  }

  /** Ends the connection without a signal; for the Connector. @param {CloseReason} reason */
  finish(reason) {
    this.#run({ kind: "end", reason });
  }

  /** After a resume: signals may be lost, and the path may have changed with the network. */
  resync() {
    this.#run({ kind: "resumed" });
  }

  /** A signal of ours was refused; for the Connector. @param {RemoteError} err */
  refused(err) {
    this.#run({ kind: "refused", code: err.code, retryAfter: err.data.retry_after_ms, ...this.#around() });
  }

  /** A frame of the other side came that is no signal; for the Connector. */
  seen() {
    this.#run({ kind: "seen" });
  }

  /** The next search for a path uses the ICE servers that the Connector has now; for the Connector. */
  useIceServers() {
    try {
      this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: this.options.rtc.iceServers ?? this.#hub.iceServers });
    } catch {
      // Fresh credentials are a help, not a condition.
    }
  }

  /** Takes in a signal; for the Connector. @param {string} event @param {SignalData} data */
  signal(event, data) {
    this.#run({ kind: "signal", event, data });
  }

  #wire() {
    const { pc } = this;
    pc.onnegotiationneeded = () => this.#run({ kind: "needed" });
    pc.onicecandidate = ({ candidate }) => candidate && this.#send("Candidate", this.#signaling.stamp({ candidate: candidate.toJSON() }));
    pc.ontrack = (event) => this.emit("track", event);
    pc.ondatachannel = ({ channel }) => this.emit("channel", channel);
    pc.onconnectionstatechange = () => {
      const to = paths[pc.connectionState];
      if (to) this.#run({ kind: "path", to });
    };
    return new Promise((resolve) => pc.addEventListener("icecandidate", resolve, { once: true }));
  }

  // The channel is agreed on beforehand (id 0), so neither side has to announce
  // it and two calls at once still make one.
  #openData() {
    const channel = this.pc.createDataChannel("p2p", { negotiated: true, id: 0 });
    this.data = channel;
    channel.binaryType = "arraybuffer";
    channel.onopen = () => this.emit("open", channel);
    channel.onmessage = ({ data }) => this.emit("data", { from: this.id, data });
  }

  // --- what signaling decides ---

  #around() {
    return { open: this.#hub.isOpen, shares: this.#hub.shares(this.id) };
  }

  /**
   * run hands an input to signaling and carries out what it decides. An effect may
   * lead to another input, as a listener that closes the peer does: its effects follow.
   * @param {Input} input
   */
  #run(input) {
    this.#todo.push(...this.#signaling.step(input));
    if (this.#running) return;
    this.#running = true;
    try {
      for (let effect = this.#todo.shift(); effect; effect = this.#todo.shift()) this.#effect(effect);
    } finally {
      this.#running = false;
    }
  }

  /** @param {Effect} effect */
  #effect(effect) {
    const { pc } = this;
    switch (effect.do) {
      case "offer":
        return void this.#work("made", () => pc.setLocalDescription());
      case "take":
        return void this.#work("taken", () => this.#take(effect));
      case "apply":
        return void this.#work("applied", () => pc.setRemoteDescription(effect.description));
      case "candidate":
        return void pc.addIceCandidate(effect.candidate).catch(() => {}); // of an offer that lost or was replaced
      case "restart":
        return void this.#restartIce();
      case "send":
        return this.#send(effect.event, this.#described(effect.event, effect.data));
      case "timer":
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#run({ kind: "tick", ...this.#around() }), effect.ms);
        return;
      case "cancel":
        return clearTimeout(this.#timer);
      case "state":
        return this.emit("state", effect.state);
      case "error":
        return this.emit("error", /** @type {Error} */ (effect.error));
      case "finish":
        return this.#shut(effect.reason);
      case "renew":
        this.#shut("renewed");
        return this.#hub.renew(this, effect);
    }
  }

  /** work changes a description and says how that went. @param {"made"|"taken"|"applied"} done @param {() => Promise<void>} change */
  async #work(done, change) {
    try {
      await change();
    } catch (error) {
      // An offer of theirs that has no answer must not stay.
      if (this.pc.signalingState === "have-remote-offer") await this.pc.setRemoteDescription({ type: "rollback" }).catch(() => {});
      return this.#run({ kind: "failed", error, offering: this.pc.signalingState === "have-local-offer" });
    }
    this.#run({ kind: done, offer: this.pc.signalingState === "have-local-offer" });
  }

  /** @param {{description: RTCSessionDescriptionInit, rollback: boolean}} offer */
  async #take({ description, rollback }) {
    if (rollback) await this.#gathered();
    await this.pc.setRemoteDescription(description); // rolls an offer of ours back when it has to
    await this.pc.setLocalDescription();
  }

  // Chromium never finds a candidate any more when an offer is rolled back before
  // it has found the first one: about one in a hundred calls that both sides begin
  // at once.
  #gathered() {
    return Promise.race([this.#found, new Promise((resolve) => setTimeout(resolve, gathering))]);
  }

  /**
   * described adds our description to the data of an Offer or an Answer, with the
   * candidates that have been found by now.
   * @param {string} event @param {SignalData} data
   */
  #described(event, data) {
    if (event === "Candidate") return data;
    const description = event === "Offer" ? this.pc.localDescription : this.pc.currentLocalDescription;
    return { description: description ?? undefined, ...data };
  }

  /** @param {string} event @param {SignalData} data */
  #send(event, data) {
    try {
      this.#hub.send({ event, to: this.id, data });
    } catch (err) {
      // Closed needs nothing more; after Buffer_Full it goes again.
      if (err instanceof ConnectorError && err.code === "Buffer_Full") this.#run({ kind: "refused", code: err.code, ...this.#around() });
    }
  }

  async #restartIce() {
    await this.#hub.freshIce();
    if (this.state === "closed") return;
    this.useIceServers();
    this.pc.restartIce();
  }

  /** @param {CloseReason} reason */
  #shut(reason) {
    clearTimeout(this.#timer);
    this.pc.close();
    this.#hub.forget(this);
    this.emit("close", { reason });
  }
}
