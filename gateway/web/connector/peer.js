// Peer is an RTCPeerConnection to another peer with the signaling done: perfect
// negotiation, candidates kept until they can be used, restarts when the path
// breaks. Both sides may call at once, add and remove tracks at any time.
//
// Signals are frames to the other peer whose data is
//   Offer      {description, call, n}
//   Answer     {description, call, re}
//   Candidate  {candidate, call}, or {bye: true, call}
// call names one RTCPeerConnection of the sender, n one of its offers and re is the
// n that is answered, so that a signal from before is told from one of now. Peers
// that leave call, n and re out are understood.
//
// Events: state (its name), track (RTCTrackEvent), channel (RTCDataChannel made by
// the other side), open (peer.data is open), data ({data} from peer.data), message
// ({from, data}, through the server), error (negotiation failed; it is tried again),
// close ({reason}).

import { Emitter } from "./emitter.js";
import { ConnectorError } from "./error.js";
import { backoff } from "./timing.js";

const maxEarlyCandidates = 256;
const maxRestarts = 6;
const patience = 15_000; // ms for a connection to come up before it is tried again
const gathering = 1_000; // ms that a first candidate may take before an offer gives way
const settle = 3_000; // ms that a broken path gets to mend itself

export class Peer extends Emitter {
  state = "connecting";
  /** The default data channel, or null when options.data is false. */
  data = null;

  #hub;
  #polite;
  #call = crypto.randomUUID().slice(0, 8);
  #theirCall;
  #offers = 0; // how many we made
  #last = null; // the last description sent: {event, data}
  #early = []; // candidates that came before a description
  #chain = Promise.resolve(); // signals are handled one after the other
  #makingOffer = false;
  #ignoring = false; // the other side's offer lost against ours
  #answering = false; // an answer is being set
  #found; // resolves with the first candidate of ours
  #restarts = 0;
  #timer = 0;

  /** Made by the Connector. hub is what a peer needs of it: id, iceServers, freshIce, isOpen, send, forget. */
  constructor(hub, id, { data = true, rtc = {} } = {}) {
    super();
    this.id = id;
    this.#hub = hub;
    this.#polite = hub.id < id;
    this.pc = new RTCPeerConnection({ iceServers: hub.iceServers, ...rtc });
    this.#wire();
    if (data) this.#openData();
    this.#watch(patience);
  }

  get call() {
    return this.#theirCall;
  }

  /** Sends data through the server (event Message); works before there is a connection. */
  send(data) {
    return this.#hub.send({ event: "Message", to: this.id, data });
  }

  addTrack(track, ...streams) {
    return this.pc.addTrack(track, ...streams);
  }

  /** Resolves when the connection is up; rejects when it is closed or given up. */
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
    if (this.state === "closed") return;
    this.#restarts = 0;
    if (this.pc.connectionState === "connected") return void this.#restartIce();
    if (this.state === "failed") this.#become("reconnecting");
    this.#tryAgain();
  }

  close() {
    this.finish("closed", true);
  }

  /** Ends the connection; for the Connector. tell: say so to the other side. */
  finish(reason, tell = false) {
    if (this.state === "closed") return;
    this.#unwatch();
    if (tell) this.#signal("Candidate", { bye: true });
    this.#become("closed");
    this.pc.close();
    this.#hub.forget(this);
    this.emit("close", { reason });
  }

  /** After a resume: signals may be lost, and the path may have changed with the network. */
  resync() {
    if (this.state === "closed") return;
    const offering = this.pc.signalingState === "have-local-offer";
    if (this.#last && (offering || this.#last.event === "Answer")) this.#resend();
    if (!offering && this.pc.connectionState !== "connected" && this.pc.remoteDescription) this.#restartIce();
  }

  /** A signal of ours was refused; for the Connector. */
  refused(err) {
    if (err.code === "Not_Found") return this.finish("gone");
    if (this.pc.signalingState === "have-local-offer") {
      this.#watch(err.data.retry_after_ms ?? 500 + backoff(this.#restarts, { base: 500 }));
    }
  }

  /** Takes in a signal; for the Connector. */
  signal(event, data) {
    if (data.call && event === "Offer") this.#theirCall = data.call;
    if (data.call && event === "Answer") this.#theirCall ??= data.call;
    if (data.call && data.call !== this.#theirCall) return; // from a call that is over
    if (data.bye) return this.finish("closed");
    const work = data.description ? () => this.#description(data) : () => this.#candidate(data.candidate);
    this.#chain = this.#chain.then(work).catch((err) => this.#trouble(err));
  }

  // --- negotiation ---

  #wire() {
    const { pc } = this;
    pc.onnegotiationneeded = () => this.#offer().catch((err) => this.#trouble(err));
    this.#found = new Promise((resolve) => pc.addEventListener("icecandidate", resolve, { once: true }));
    pc.onicecandidate = ({ candidate }) => candidate && this.#signal("Candidate", { candidate: candidate.toJSON() });
    pc.ontrack = (event) => this.emit("track", event);
    pc.ondatachannel = ({ channel }) => this.emit("channel", channel);
    pc.onconnectionstatechange = () => this.#moved();
  }

  // The channel is agreed on beforehand (id 0), so neither side has to announce
  // it and two calls at once still make one.
  #openData() {
    this.data = this.pc.createDataChannel("p2p", { negotiated: true, id: 0 });
    this.data.binaryType = "arraybuffer";
    this.data.onopen = () => this.emit("open", this.data);
    this.data.onmessage = ({ data }) => this.emit("data", { from: this.id, data });
  }

  async #offer() {
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      if (this.pc.localDescription?.type !== "offer") return; // theirs came first
      this.#last = { event: "Offer", data: { description: this.pc.localDescription, n: this.#offerName(1) } };
      this.#signal(this.#last.event, this.#last.data);
      if (!this.#timer) this.#watch(patience); // an answer has to come, also while the path is up
    } finally {
      this.#makingOffer = false;
    }
  }

  #offerName(more) {
    this.#offers += more;
    return `${this.#call}/${this.#offers}`;
  }

  async #description({ description, n, re }) {
    const { pc } = this;
    const offer = description.type === "offer";
    if (!offer && (pc.signalingState !== "have-local-offer" || (re !== undefined && re !== this.#offerName(0)))) return;
    const ready = !this.#makingOffer && (pc.signalingState === "stable" || this.#answering);
    const collision = offer && !ready;
    this.#ignoring = collision && !this.#polite;
    if (this.#ignoring) return;
    if (collision) await this.#gathered();
    this.#answering = !offer;
    try {
      await pc.setRemoteDescription(description); // rolls an offer of ours back when it has to
    } finally {
      this.#answering = false;
    }
    if (offer) {
      await pc.setLocalDescription();
      this.#last = { event: "Answer", data: { description: pc.localDescription, re: n } };
      this.#signal(this.#last.event, this.#last.data);
    }
    for (const candidate of this.#early.splice(0)) await this.#candidate(candidate);
  }

  // Chromium never finds a candidate any more when an offer is rolled back before
  // it has found the first one: about one in a hundred calls that both sides begin
  // at once.
  #gathered() {
    return Promise.race([this.#found, new Promise((resolve) => setTimeout(resolve, gathering))]);
  }

  async #candidate(candidate) {
    if (!candidate) return;
    if (!this.pc.remoteDescription) {
      if (this.#early.length < maxEarlyCandidates) this.#early.push(candidate);
      return;
    }
    try {
      await this.pc.addIceCandidate(candidate);
    } catch {
      // Of an offer that lost, or of one that has been replaced: another path serves.
    }
  }

  #signal(event, data) {
    try {
      this.#hub.send({ event, to: this.id, data: { ...data, call: this.#call } });
    } catch {
      // Nothing can be sent now: the watch, or the resume, tries again.
    }
  }

  #resend() {
    if (this.#last.event === "Offer") this.#last.data.description = this.pc.localDescription; // with the candidates since
    this.#signal(this.#last.event, this.#last.data);
  }

  // trouble: a description that does not fit. Begin anew rather than hang.
  #trouble(err) {
    if (this.state === "closed") return;
    this.emit("error", err);
    this.#watch(500 + backoff(this.#restarts, { base: 500 }));
  }

  // --- the path ---

  #moved() {
    switch (this.pc.connectionState) {
      case "connected":
        this.#restarts = 0;
        if (this.pc.signalingState === "stable") this.#unwatch();
        return this.#become("connected");
      case "disconnected":
        this.#become("reconnecting");
        return this.#watch(settle);
      case "failed":
        this.#become("reconnecting");
        return this.#watch(backoff(this.#restarts, { base: 500, cap: 8_000 }));
    }
  }

  // watch tries again after ms unless all is well by then.
  #watch(ms) {
    this.#unwatch();
    this.#timer = setTimeout(() => this.#tryAgain(), ms);
  }

  #unwatch() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #tryAgain() {
    this.#timer = 0;
    const up = this.pc.connectionState === "connected";
    const offering = this.pc.signalingState === "have-local-offer" && this.#last !== null;
    if (this.state === "closed" || (up && !offering)) return;
    if (!this.#hub.isOpen) return this.#watch(1_000); // no way to tell the other side; that is not a try
    if (this.#restarts++ >= maxRestarts) return up ? undefined : this.#become("failed");
    if (offering) this.#resend();
    else this.#restartIce();
    this.#watch(patience);
  }

  async #restartIce() {
    await this.#hub.freshIce();
    if (this.state === "closed") return;
    try {
      this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: this.#hub.iceServers });
    } catch {
      // Fresh credentials are a help, not a condition.
    }
    this.pc.restartIce();
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }
}
