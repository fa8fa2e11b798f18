// Connector is this page as a peer: its id, the rooms it is in, the peers it
// talks to. It survives its connections; see link.js.
//
// Its events are those of ConnectorEvents in connector.d.ts.

/** @import { Connector as Declared, ConnectOptions, ConnectorEvents, Frame, JoinOptions, Json, Limits, PeerOptions, RoomSettings } from "../connector.js" */
/** @import { CallsHub, Details, Draft, Ready, RoomData, RoomHub } from "./types.js" */

import { Calls } from "./calls.js";
import { Emitter } from "./emitter.js";
import { encode } from "./encode.js";
import { ConnectorError } from "./error.js";
import { Joins } from "./joins.js";
import { Link } from "./link.js";
import { place } from "./reason.js";
import { Requests } from "./requests.js";
import { Room } from "./room.js";
import { checkVersions } from "./version.js";

const signals = new Set(["Offer", "Answer", "Candidate"]);
const iceAge = 5 * 60_000; // ms after which credentials are asked for again before they are used

/**
 * @extends {Emitter<ConnectorEvents>}
 * @implements {Declared}
 */
export class Connector extends Emitter {
  rooms = /** @type {Map<string, Room>} */ (new Map());
  limits = /** @type {Limits} */ ({});
  iceServers = /** @type {RTCIceServer[]} */ ([]);
  /** @type {Promise<void>} */
  ready;

  #link;
  #requests;
  #joins = new Joins((event, data) => this.#ask(event, data), (room) => this.emit("waiting", { room }));
  #calls;
  #iceAt = 0; // when the ICE servers arrived

  /** @param {string|string[]} urls @param {ConnectOptions} [options] */
  constructor(urls, options = {}) {
    super();
    this.#calls = new Calls(this.#callsHub(), options);
    this.#link = new Link([urls].flat(), options, () => this.rooms.keys().next().value);
    this.#requests = new Requests(this.#link, options);
    for (const name of /** @type {const} */ (["state", "draining", "dropped", "sent"])) this.#link.on(name, (value) => this.emit(name, value));
    this.#link.on("raw", (frame) => this.emit("frame", frame));
    this.#link.on("frame", (frame) => this.#frame(frame));
    this.#link.on("leaving", () => this.#farewell());
    this.#link.on("closed", (err) => this.#closed(err));
    this.ready = new Promise((resolve, reject) => {
      this.#link.on("ready", (how) => this.#ready(how) ?? resolve());
      this.#link.on("closed", reject);
    });
    this.ready.catch(() => {}); // whoever waits for it gets the error; nobody has to
    this.#closeOn(options.signal);
  }

  /** This peer's id; it changes only after a reset. */
  id = "";

  /** connecting, open, reconnecting or closed. */
  get state() {
    return this.#link.state;
  }

  /** The gateway in use. */
  get url() {
    return this.#link.url;
  }

  /** The resume token: pass it as options.session to be this peer again. */
  get session() {
    return this.#link.session;
  }

  /** How many frames came on the connection that session came on: pass it as options.received beside session. */
  get received() {
    return this.#link.received;
  }

  /** The peer connections, by the other peer's id. */
  get peers() {
    return this.#calls.peers;
  }

  get isOpen() {
    return this.#link.state === "open";
  }

  /** The signal may outlive this connector, so no listener stays. @param {AbortSignal} [signal] */
  #closeOn(signal) {
    const close = () => this.close();
    signal?.addEventListener("abort", close);
    this.#link.on("closed", () => signal?.removeEventListener("abort", close));
    if (signal?.aborted) queueMicrotask(close); // the application listens for closed by then
  }

  // --- asking ---

  /** Sends any event and resolves with the answer's data; rejects with the server's error. @param {string} event @param {any} [data] */
  async request(event, data) {
    const frame = await this.#ask(event, data);
    return frame.data;
  }

  /** Makes a room and joins it. Without an id the server draws one. @param {string} [id] @param {RoomSettings} [settings] */
  async createRoom(id, settings = {}) {
    const frame = await this.#ask("Create_Room", id === undefined ? settings : { room: id, ...settings });
    const made = frame.type !== "error";
    const name = made ? frame.data.room ?? frame.data.roomId : id;
    if (!made) await this.#entered(name); // a repeat found the room there: was it ours?
    const room = this.rooms.get(name);
    if (room && (made || room.isCreator)) return room;
    throw made ? new ConnectorError("Closed", "The room ended while it was made.") : ConnectorError.from(frame);
  }

  /** Joins a room; with ask it waits until it is admitted. @param {string} id @param {JoinOptions} [options] */
  async joinRoom(id, options) {
    await this.#joins.join(id, options);
    const room = this.rooms.get(id);
    if (!room) throw new ConnectorError("Closed", "The room ended, or this peer was removed from it, while it joined.");
    await room.known();
    return room;
  }

  /** Sends data to a peer through the server; returns the frame's id. @param {string} to @param {Json} data */
  send(to, data) {
    return this.#send({ event: "Message", to, data });
  }

  /** Round trip to the gateway in milliseconds. */
  async ping() {
    const start = performance.now();
    await this.#ask("Ping");
    return performance.now() - start;
  }

  /** Hands in a fresh token before the old one ends the connection. @param {string} token */
  authenticate(token) {
    return this.request("Authenticate", { token });
  }

  /** Asks for fresh ICE servers; they are used from the next connection or restart on. */
  async refreshIceServers() {
    const data = await this.request("Ice_Servers");
    return data.ice_servers ?? [];
  }

  /** Leaves every room, ends every peer connection, and closes. */
  close() {
    this.#link.close();
  }

  // --- peers ---

  /**
   * The connection to a peer, made if there is none. Both sides may call at once.
   * @param {string} id @param {PeerOptions & {least?: number}} [options] data: false for no default data channel
   */
  connectPeer(id, options) {
    if (id === this.id) throw new ConnectorError("Invalid_Message", "A peer cannot call itself.");
    return this.#calls.connect(id, options);
  }

  /** @returns {CallsHub} */
  #callsHub() {
    const connector = this;
    return {
      get id() {
        return connector.id;
      },
      get iceServers() {
        return connector.iceServers;
      },
      get isOpen() {
        return connector.isOpen;
      },
      freshIce: () => this.#freshIce(),
      shares: (id) => this.#shares(id),
      send: (frame) => this.#send(frame),
      made: (peer) => this.emit("peer", peer),
    };
  }

  // freshIce asks for new credentials when those we have may have expired.
  async #freshIce() {
    const old = performance.now() - this.#iceAt > iceAge && this.iceServers.some((s) => s.credential);
    if (old && this.isOpen) await this.refreshIceServers().catch(() => {}); // the old ones may still do
  }

  /** @param {RTCIceServer[]} [servers] */
  #ice(servers = []) {
    this.iceServers = servers;
    this.#iceAt = performance.now();
    for (const peer of this.peers.values()) peer.useIceServers();
  }

  /** @param {string} id */
  #shares(id) {
    for (const room of this.rooms.values()) if (room.has(id)) return true;
    return false;
  }

  // --- what comes in ---

  /** @param {Ready} how */
  #ready({ details, resumed, reset, refusal }) {
    const oldId = this.id;
    checkVersions(details.versions, place(this.url));
    this.id = details.id;
    this.limits = details.limits ?? {};
    this.#ice(details.ice_servers);
    if (reset) this.#reset(oldId, refusal);
    if (resumed) this.#resumed(details);
  }

  /** @param {string} oldId @param {ConnectorError} [error] */
  #reset(oldId, error) {
    const rooms = [...this.rooms.values()];
    this.rooms.clear();
    const lost = new ConnectorError("Closed", "The session was lost before the answer came. Ask again.");
    this.#requests.fail(lost, { onlySent: true });
    this.#joins.lost([], lost);
    this.#calls.finish("lost");
    for (const room of rooms) room.finish("lost");
    this.emit("reset", { oldId, id: this.id, rooms: rooms.map((r) => r.id), error });
  }

  /**
   * resumed: what was lost on the way is asked for again. When nothing was, the
   * frames that waited follow and tell all.
   * @param {Details} details
   */
  #resumed({ rooms = [], recovered }) {
    this.#requests.repeat();
    if (recovered !== true) {
      for (const room of [...this.rooms.values()]) {
        if (rooms.includes(room.id)) room.refresh().catch(() => {}); // the next change shows the whole again
        else this.#leave(room, "disconnected");
      }
      this.#joins.lost(rooms); // how the wait ended did not arrive
    }
    for (const id of rooms) {
      if (this.rooms.has(id)) continue;
      // Whatever was recovered, a page that was loaded anew knows no room. The frames that waited follow at once.
      if (!this.#joins.has(id)) this.#reentered(id);
      else if (recovered !== true) this.#entered(id).catch(() => {}); // it may have been admitted
    }
    for (const peer of this.peers.values()) peer.resync();
    this.emit("resumed", { recovered: recovered === true });
  }

  /** @param {Frame} frame */
  #frame(frame) {
    const data = frame.data ?? {};
    if (frame.from !== undefined) return this.#relayed(frame, frame.from);
    if (frame.type === "error") return this.#error(frame);
    if (frame.event === "Ice_Servers") this.#ice(data.ice_servers);
    if (frame.event === "Offer") return this.emit("connect", { from: data.from, ...data.data });
    if (frame.event === "Join_Waiting") this.#joins.waits(data.room);
    else if (data.room !== undefined) this.#roomFrame(frame.event, data);
    this.#requests.complete(frame);
  }

  /** @param {Frame} frame @param {string} from */
  #relayed(frame, from) {
    const { event, data } = frame;
    if (signals.has(event)) {
      if (data && typeof data === "object") this.#calls.signal(from, event, data);
      return;
    }
    this.peers.get(from)?.seen();
    const message = { from, data, frame };
    if (frame.room !== undefined) return this.rooms.get(frame.room)?.emit("message", message);
    this.peers.get(from)?.emit("message", message);
    this.emit("message", message);
  }

  /** @param {Frame} frame */
  #error(frame) {
    if (this.#requests.complete(frame)) return;
    const err = ConnectorError.from(frame);
    const { event, to, room } = err.data;
    if (to && event && signals.has(event) && this.peers.has(to)) return this.peers.get(to)?.refused(err);
    if (room && event === "Join_Room" && err.id === undefined && this.#joins.refused(room, err)) return;
    if (room) this.rooms.get(room)?.emit("error", err);
    this.emit("error", err);
  }

  /** @param {string} event @param {RoomData} data */
  #roomFrame(event, data) {
    const me = this.id;
    let room = this.rooms.get(data.room);
    if (event === "Room_Deleted") return room && this.#leave(room, "ended");
    if (event === "Room_Left") {
      this.#joins.refused(data.room);
      return room && this.#leave(room, "left");
    }
    if (event === "Waiting_Updated") return room?.queue(data);
    if (event === "Client_Removed" && (data.client === me || data.removed?.includes(me))) {
      return room && this.#leave(room, data.reasons?.[me] ?? data.reason ?? "removed");
    }
    const entering = !room && (data.clients?.includes(me) || data.added?.includes(me) || data.client === me);
    if (entering) room = this.#enter(data.room);
    if (!room) return;
    const whole = event === "Room_Info";
    const { joined, left } = room.apply(data, whole);
    if (whole) room.queue(data);
    for (const id of joined) this.#calls.admit(id);
    this.#calls.part(left.map((l) => l.id));
    if (!entering) return;
    this.#joins.entered(data.room);
    this.emit("room", room);
  }

  /** @returns {RoomHub} */
  #roomHub() {
    const connector = this;
    return {
      get id() {
        return connector.id;
      },
      send: (frame) => this.#send(frame),
      request: (event, data) => this.request(event, data),
    };
  }

  /** @param {Room} room @param {any} reason the server's, or lost */
  #leave(room, reason) {
    if (!this.rooms.delete(room.id)) return;
    this.#calls.part(room.others.map((m) => m.id));
    room.finish(reason);
  }

  /** @param {string} [id] */
  async #entered(id) {
    await this.#ask("Room_Info", { room: id });
  }

  /** @param {string} id of a room that an earlier page of this session has joined, or asked to be admitted to */
  #reentered(id) {
    const room = this.#enter(id);
    room.refresh().catch(({ code }) => { // after other errors the next change asks again
      if (code === "Not_Found") this.#leave(room, "ended");
      if (code === "Unauthorised" && !room.has(this.id)) this.#leave(room, "left"); // it waits: joinRoom with ask goes on with that
    });
    this.emit("room", room);
  }

  /** @param {string} id */
  #enter(id) {
    const room = new Room(this.#roomHub(), id);
    this.rooms.set(id, room);
    return room;
  }

  // farewell says to all that we leave, so that nobody takes it for an accident.
  #farewell() {
    this.#calls.close();
    for (const id of this.rooms.keys()) this.request("Leave_Room", { room: id }).catch(() => {}); // not waited for
  }

  /** @param {ConnectorError} err */
  #closed(err) {
    this.#requests.fail(err);
    this.#joins.lost([], err);
    this.#calls.finish("closed");
    const rooms = [...this.rooms.values()];
    this.rooms.clear();
    for (const room of rooms) room.finish("left");
    this.emit("closed", err);
  }

  // --- what goes out ---

  /** @param {Draft} frame */
  #send(frame) {
    const id = this.#requests.newID();
    this.#link.send(encode({ ...frame, id }, this.limits.max_message_bytes));
    return id;
  }

  /** @param {string} event @param {any} [data] */
  async #ask(event, data) {
    const frame = data === undefined ? { event } : { event, data };
    encode(frame, this.limits.max_message_bytes);
    return this.#requests.ask(frame);
  }
}
