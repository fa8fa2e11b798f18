// Room is a room that this peer is a member of, with its members as the server
// last sent them.
//
// Events: change (anything), joined ({clients}), updated ({clients}), left ({clients: [{id, reason}]}),
// waiting ({clients}: who waits to be admitted), message ({from, data, frame}), error (a ConnectorError about a message sent
// here), closed ({reason}: left, removed, banned, ended, disconnected, or lost after a reset).

import { Emitter } from "./emitter.js";
/** @import { Room as Declared, Ban, Json, Member, Role, RoomEvents, RoomSettings } from "../connector.js" */
/** @import { RoomData, RoomHub } from "./types.js" */

import { applyRoom, unknownRoom } from "./roomstate.js";

/**
 * @extends {Emitter<RoomEvents>}
 * @implements {Declared}
 */
export class Room extends Emitter {
  closed = false;
  /** Who waits to be admitted, oldest first, for the creator and moderators. */
  waiting = /** @type {Member[]} */ ([]);
  #waitingAt = 0; // the revision of that
  #hub;
  #state;
  /** @type {Promise<any>|null} */
  #asking = null; // Room_Info under way

  /** Made by the Connector. @param {RoomHub} hub @param {string} id */
  constructor(hub, id) {
    super();
    this.#hub = hub;
    this.#state = unknownRoom(id);
  }

  get id() {
    return this.#state.id;
  }

  get name() {
    return this.#state.name;
  }

  get creator() {
    return this.#state.creator;
  }

  get capacity() {
    return this.#state.capacity;
  }

  get locked() {
    return this.#state.locked;
  }

  /** Whether one needs a password to join. Which password is never sent to members. */
  get password() {
    return this.#state.password;
  }

  get metadata() {
    return this.#state.metadata;
  }

  get revision() {
    return this.#state.revision;
  }

  /** Members in order of joining: {id, user, metadata, moderator}. */
  get members() {
    return [...this.#state.members.values()];
  }

  /** Members besides this peer. */
  get others() {
    return this.members.filter((m) => m.id !== this.#hub.id);
  }

  /** Whether this peer may do everything in the room; moderators may do less. */
  get isCreator() {
    return this.creator === this.#hub.id;
  }

  /** Whether this peer is the creator or a moderator. */
  get isModerator() {
    return this.isCreator || Boolean(this.member(this.#hub.id)?.moderator);
  }

  /** @param {string} id */
  has(id) {
    return this.#state.members.has(id);
  }

  /** @param {string} id */
  member(id) {
    return this.#state.members.get(id);
  }

  /**
   * Sends data to every other member. Returns the frame's id, which an error
   * event about it carries; no error means that it was handed over.
   * @param {Json} data
   */
  send(data) {
    return this.#hub.send({ event: "Message", room: this.id, data });
  }

  leave() {
    return this.#hub.request("Leave_Room", { room: this.id }).then(() => {});
  }

  end() {
    return this.#hub.request("End_Room", { room: this.id }).then(() => {});
  }

  /** Admits a peer that waits; creator and moderators. @param {string} client */
  admit(client) {
    return this.#hub.request("Admit_Client", { room: this.id, client }).then(() => {});
  }

  /**
   * Removes a member, or refuses a peer that waits; ban: it may not come back. For the creator and moderators.
   * @param {string} client @param {{ban?: boolean}} [options]
   */
  remove(client, { ban } = {}) {
    return this.#hub.request("Remove_Client", { room: this.id, client, ban }).then(() => {});
  }

  /** Lifts a ban; creator and moderators. @param {string} client */
  unban(client) {
    return this.#hub.request("Unban_Client", { room: this.id, client }).then(() => {});
  }

  /** Asks the server who is banned, because updates do not tell. @returns {Promise<Ban[]>} */
  bans() {
    return this.#hub.request("Room_Info", { room: this.id }).then(({ banned = [] }) => banned);
  }

  /** Makes a member moderator, ordinary member, or creator in our place; creator only. @param {string} client @param {Role} role */
  setRole(client, role) {
    return this.#hub.request("Set_Role", { room: this.id, client, role }).then(() => {});
  }

  /** Changes name, capacity, locked, password or metadata; creator and moderators. @param {RoomSettings} settings */
  update(settings) {
    return this.#hub.request("Update_Room", { room: this.id, ...settings }).then(() => {});
  }

  /** Changes what the others see of this peer; undefined for nothing. @param {Json} [metadata] */
  updateMember(metadata = null) {
    return this.#hub.request("Update_Member", { room: this.id, metadata }).then(() => {});
  }

  /** Asks the server for the whole room. One question at a time. */
  refresh() {
    this.#asking ??= this.#hub.request("Room_Info", { room: this.id }).finally(() => (this.#asking = null));
    return this.#asking.then(() => {});
  }

  /** Takes in a frame about this room; for the Connector. @param {RoomData} data @param {boolean} [whole] it is an answer to Room_Info */
  apply(data, whole) {
    const { state, joined, left, updated, stale } = applyRoom(this.#state, data, whole);
    if (stale) return { joined, left };
    this.#state = state;
    if (!this.isModerator) this.queue({ room: this.id }); // updates say no more who waits
    if (!state.complete) this.refresh().catch(() => {}); // the next change asks again
    if (joined.length > 0) this.emit("joined", { clients: joined.map((id) => /** @type {Member} */ (state.members.get(id))) });
    if (updated.length > 0) this.emit("updated", { clients: updated.map((id) => /** @type {Member} */ (state.members.get(id))) });
    if (left.length > 0) this.emit("left", { clients: left });
    this.emit("change", this);
    return { joined, left };
  }

  /** Takes in who waits to be admitted; for the Connector. @param {RoomData} data of Waiting_Updated or Room_Info */
  queue({ revision = this.#waitingAt, waiting = [] }) {
    if (revision < this.#waitingAt) return;
    this.#waitingAt = revision;
    if (this.waiting.length + waiting.length === 0) return;
    this.waiting = waiting.map(({ client, user, metadata }) => ({ id: client, user, metadata }));
    this.emit("waiting", { clients: this.waiting });
    this.emit("change", this);
  }

  /** Resolves when the full list is known. */
  async known() {
    if (!this.#state.complete && !this.closed) await this.refresh();
  }

  /** For the Connector: this peer is no member any more. @param {RoomEvents["closed"]["reason"]} reason */
  finish(reason) {
    if (this.closed) return;
    this.closed = true;
    this.emit("closed", { reason });
  }
}
