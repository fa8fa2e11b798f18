// The call with each peer: our tracks go out, theirs come in, and the two tell
// each other over the data channel what is switched on.

export class Call {
  #media;
  #tiles;
  #files;
  #senders = new Map(); // by Peer: {audio, video}

  constructor({ media, tiles, files }) {
    this.#media = media;
    this.#tiles = tiles;
    this.#files = files;
  }

  /** A peer connection was made, by us or by the other side. */
  add(peer, name) {
    this.#tiles.add(peer.id, name, { onretry: () => peer.restart() });
    this.#tiles.state(peer.id, peer.state);
    this.#senders.set(peer, {});
    for (const track of this.#media.stream.getTracks()) this.#put(peer, track.kind, track);

    const incoming = new MediaStream();
    peer.on("track", ({ track }) => {
      for (const old of incoming.getTracks()) if (old.kind === track.kind && old !== track) incoming.removeTrack(old);
      incoming.addTrack(track);
      this.#tiles.show(peer.id, incoming);
    });
    peer.on("state", (state) => this.#tiles.state(peer.id, state));
    peer.on("channel", (channel) => this.#files.incoming(peer, channel));
    peer.on("open", () => this.#tell(peer));
    peer.on("data", ({ data }) => this.#receive(peer, data));
    peer.on("close", () => {
      this.#senders.delete(peer);
      this.#tiles.remove(peer.id);
    });
  }

  /** Another track, or none, goes out for a kind. */
  change(kind, track) {
    for (const peer of this.#senders.keys()) this.#put(peer, kind, track);
    this.tell();
  }

  /** Tells everyone what is switched on. */
  tell() {
    for (const peer of this.#senders.keys()) this.#tell(peer);
  }

  #put(peer, kind, track) {
    const senders = this.#senders.get(peer);
    if (senders[kind]) senders[kind].replaceTrack(track).catch(reportError);
    else if (track) senders[kind] = peer.addTrack(track, this.#media.stream);
  }

  #tell(peer) {
    if (peer.data.readyState === "open") peer.data.send(JSON.stringify({ said: this.#media.said }));
  }

  #receive(peer, data) {
    if (typeof data !== "string") return;
    try {
      const { said } = JSON.parse(data);
      if (said) this.#tiles.said(peer.id, said);
    } catch {
      // Not of this demo.
    }
  }
}
