// RTCPeerConnection for Node, made of the package node-datachannel:
//
//   import { connect } from "peer2peer-connector";
//   import { RTCPeerConnection } from "peer2peer-connector/node-datachannel";
//   const p2p = await connect("wss://gateway.example", { RTCPeerConnection });
//
// node-datachannel's own RTCPeerConnection describes itself as soon as it can, and tells
// nobody that it needs a negotiation. This class makes the descriptions when it is asked
// for them, as the standard says. It has data channels, and no tracks.

import { PeerConnection } from "node-datachannel";
import { RTCPeerConnection as Base } from "node-datachannel/polyfill";

/** An address of a STUN or TURN server as libdatachannel reads it, with the user in front. @param {RTCIceServer} server */
function addresses({ urls, username, credential }) {
  const user = username && credential ? `${encodeURIComponent(username)}:${encodeURIComponent(credential)}@` : "";
  return [urls].flat().map((url) => url.replace(/^(\w+:)/, `$1${user}`));
}

export class RTCPeerConnection extends Base {
  #native;
  /** @type {RTCIceCandidateInit[]} */ #early = []; // candidates of a remote description
  #asked = false; // negotiationneeded is under way

  /** @param {RTCConfiguration} [config] */
  constructor({ iceServers = [], iceTransportPolicy = "all" } = {}) {
    const native = new PeerConnection("", {
      iceServers: iceServers.flatMap(addresses), iceTransportPolicy, disableAutoNegotiation: true,
    });
    super({ iceServers: [], iceTransportPolicy, peerConnection: native });
    this.#native = native;
  }

  /** @param {string} label @param {RTCDataChannelInit} [options] */
  createDataChannel(label, options) {
    const channel = super.createDataChannel(label, options);
    this.#need();
    return channel;
  }

  // The first channel needs a description; later ones go over the same transport.
  #need() {
    if (this.#asked || this.#native.remoteDescription()) return;
    this.#asked = true;
    setImmediate(() => {
      this.#asked = false;
      if (this.signalingState === "stable" && !this.#native.remoteDescription()) this.dispatchEvent(new Event("negotiationneeded"));
    });
  }

  /** @param {RTCLocalSessionDescriptionInit} [description] */
  async setLocalDescription(description) {
    const answers = this.signalingState === "have-remote-offer";
    this.#native.setLocalDescription(description?.type ?? (answers ? "answer" : "offer"));
    for (const candidate of this.#early.splice(0)) await this.addIceCandidate(candidate);
  }

  /**
   * An offer of the other side replaces ours, as in a browser. libdatachannel takes no
   * candidates before it has a description of its own, so those of the offer wait for it.
   * @param {RTCSessionDescriptionInit} description
   */
  async setRemoteDescription({ type, sdp = "" }) {
    if (type === "rollback") return; // libdatachannel cannot take an offer of theirs back
    if (type === "offer" && this.signalingState === "have-local-offer") this.#native.setLocalDescription("rollback");
    const lines = sdp.split("\r\n");
    const found = lines.filter((line) => line.startsWith("a=candidate:"));
    this.#early = found.map((line) => ({ candidate: line.slice("a=".length), sdpMid: "0" }));
    await super.setRemoteDescription({ type, sdp: lines.filter((line) => !found.includes(line)).join("\r\n") });
    if (type === "answer") for (const candidate of this.#early.splice(0)) await this.addIceCandidate(candidate);
  }

  // New candidates of the same connection are found without being asked for.
  async restartIce() {
    if (this.signalingState === "stable") this.dispatchEvent(new Event("negotiationneeded"));
  }
}
