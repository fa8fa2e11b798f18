// @ts-check
// The call with each peer: our tracks go out, theirs come in, and the two report to
// each other over the data channel what is switched on.

/** @import { Peer } from "/connector.js" */

export class Call {
  #media;
  #tiles;
  #files;
  /** @type {Map<Peer, {senders: any, streams: Map<string, MediaStream>, status: any}>} */
  #peers = new Map();

  constructor({ media, tiles, files }) {
    this.#media = media;
    this.#tiles = tiles;
    this.#files = files;
  }

  /** A peer connection was made, by us or by the other side. @param {Peer} peer */
  add(peer) {
    const call = { senders: {}, streams: new Map(), status: {} };
    this.#peers.set(peer, call);
    this.#tiles.state(peer.id, peer.state);
    for (const slot of ["mic", "cam", "screen"]) this.#put(peer, slot, this.#media[slot]);

    peer.on("track", ({ streams: [stream] }) => {
      if (stream) call.streams.set(stream.id, stream);
      this.#show(peer);
    });
    peer.on("state", (state) => this.#tiles.state(peer.id, state));
    peer.on("channel", (channel) => this.#files.incoming(peer, channel));
    peer.on("open", () => this.#sendStatus(peer));
    peer.on("data", ({ data }) => this.#receive(peer, data));
    peer.on("close", () => {
      this.#peers.delete(peer);
      this.#tiles.screen(peer.id, null);
    });
  }

  /** Shows again what is known of everybody, after tiles were made. */
  draw() {
    for (const peer of this.#peers.keys()) {
      this.#tiles.state(peer.id, peer.state);
      this.#show(peer);
    }
  }

  /** Another track, or none, goes out in a slot. */
  change(slot, track) {
    for (const peer of this.#peers.keys()) this.#put(peer, slot, track);
    this.sendStatus();
  }

  /** Sends everyone what is switched on. */
  sendStatus() {
    for (const peer of this.#peers.keys()) this.#sendStatus(peer);
  }

  #put(peer, slot, track) {
    const { senders } = this.#peers.get(peer) ?? {};
    const stream = slot === "screen" ? this.#media.screenStream : this.#media.stream;
    if (senders[slot]) senders[slot].replaceTrack(track).catch(reportError);
    else if (track) senders[slot] = peer.addTrack(track, stream);
  }

  #sendStatus(peer) {
    if (peer.data.readyState === "open") peer.data.send(JSON.stringify({ status: this.#media.status }));
  }

  #receive(peer, data) {
    if (typeof data !== "string") return;
    try {
      const { status } = JSON.parse(data);
      const call = this.#peers.get(peer);
      if (call && status) call.status = status;
    } catch {
      return; // not of this demo
    }
    this.#show(peer);
  }

  // show: the owner of the streams says which is camera and microphone, and which the
  // screen; that of a screen stays when it is shared no more.
  #show(peer) {
    const { streams, status } = this.#peers.get(peer) ?? {};
    const stream = streams?.get(status.stream);
    if (stream) this.#tiles.show(peer.id, stream);
    this.#tiles.screen(peer.id, status?.screen && streams.get(status.screen));
    if (status) this.#tiles.status(peer.id, { mic: status.mic, cam: status.cam });
  }
}
