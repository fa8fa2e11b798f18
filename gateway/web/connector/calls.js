// Calls are the peer connections of a Connector: whose calls are answered, and which
// connection a signal is for.

/** @import { ConnectOptions, PeerOptions } from "../connector.js" */
/** @import { CallsHub, PeerHub, Renewal, SignalData } from "./types.js" */

import { ConnectorError } from "./error.js";
import { Peer } from "./peer.js";
import { Strangers } from "./strangers.js";

const maxPeers = 64; // connections at once; each costs memory and ports

export class Calls {
  peers = /** @type {Map<string, Peer>} */ (new Map()); // by the id of the other peer

  #hub;
  #options;
  #RTC;
  #strangers = new Strangers();

  /** @param {CallsHub} hub @param {ConnectOptions} options */
  constructor(hub, options) {
    this.#hub = hub;
    this.#options = options;
    this.#RTC = options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
  }

  /** The connection to a peer, made if there is none. @param {string} id @param {PeerOptions & {least?: number}} [options] */
  connect(id, options) {
    const known = this.peers.get(id);
    if (known) return known;
    const peer = this.#make(id, options);
    this.admit(id);
    return this.peers.get(id) ?? peer;
  }

  /**
   * signal hands a signal to its Peer. A stranger's is kept for a moment, because
   * it may overtake the news that the stranger joined our room.
   * @param {string} from @param {string} event @param {SignalData} data
   */
  signal(from, event, data) {
    const peer = this.peers.get(from);
    if (peer) return peer.signal(event, data);
    if (event !== "Offer") return this.#strangers.late(from, event, data);
    if (!this.#accepts(from)) return this.#strangers.keep(from, event, data);
    if (this.#RTC && this.peers.size < maxPeers) this.#make(from).signal(event, data);
  }

  /** Takes the signals that a peer sent before it was known to share a room with us. @param {string} id */
  admit(id) {
    for (const [event, data] of this.#strangers.take(id)) this.signal(id, event, data);
  }

  /** Ends the connections to those of ids that share no room with us any more. @param {string[]} ids */
  part(ids) {
    for (const id of ids) if (!this.#hub.shares(id)) this.peers.get(id)?.finish("left");
  }

  /** Ends all without a signal. @param {"lost"|"closed"} reason */
  finish(reason) {
    for (const peer of [...this.peers.values()]) peer.finish(reason);
  }

  /** Ends all, and says so to the other sides. */
  close() {
    for (const peer of [...this.peers.values()]) peer.close();
  }

  /** @param {string} id @param {PeerOptions & {least?: number}} [options] */
  #make(id, options) {
    if (!this.#RTC) throw new ConnectorError("Closed", "There is no RTCPeerConnection here. Pass one: connect(url, { RTCPeerConnection }), for example that of peer2peer-connector/node-datachannel.");
    if (this.peers.size >= maxPeers) throw new ConnectorError("Buffer_Full", "Too many peer connections. Close one first.");
    const peer = new Peer(this.#peerHub(this.#RTC), id, { ...this.#options.peer, ...options });
    this.peers.set(id, peer);
    this.#hub.made(peer);
    return peer;
  }

  /** @param {PeerHub["RTCPeerConnection"]} RTCPeerConnection @returns {PeerHub} */
  #peerHub(RTCPeerConnection) {
    const hub = this.#hub;
    return {
      id: hub.id,
      get iceServers() {
        return hub.iceServers;
      },
      get isOpen() {
        return hub.isOpen;
      },
      RTCPeerConnection,
      freshIce: hub.freshIce,
      shares: hub.shares,
      send: hub.send,
      renew: (peer, how) => this.#renew(peer, how),
      forget: (peer) => this.peers.get(peer.id) === peer && this.peers.delete(peer.id),
    };
  }

  /** renew makes the next generation of a call that was accepted already. @param {Peer} old @param {Renewal} how */
  #renew(old, { least, signals }) {
    const peer = this.connect(old.id, { ...old.options, least });
    for (const { event, data } of signals) peer.signal(event, data);
  }

  /** @param {string} from */
  #accepts(from) {
    const { accept } = this.#options;
    if (typeof accept === "function") return Boolean(accept(from));
    return accept ?? this.#hub.shares(from);
  }
}
