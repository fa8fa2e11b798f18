// @ts-check
// The connection to the server and the room that we are in. Resuming and negotiating
// is connector.js's work; here is what the demo makes of its events.

import { Connector } from "/connector.js";
import { banner, passing } from "./announce.js";
/** @import { ConnectorError, Peer, Room, RoomEvents } from "/connector.js" */

const mostPeople = 6; // in a mesh each sends to every other
const mostEarly = 300; // messages, as many as the chat shows

export class Session {
  /** @type {Room|null} */
  room = null;
  /** Whether we wait to be admitted. */
  waits = false;
  p2p;
  #wish;
  #view;
  #ended = false;
  #early = []; // messages of the room that came before we were ready to show it

  /**
   * Connects. metadata is what the others see of us; with ask we wait to be admitted when the
   * room is locked; session and received are those of the page before a reload. waiting is
   * called when we wait to be admitted; entered for each room that we are in, again after a lost session; message afterwards, for each message of the room, also for those that
   * came before; over when it has ended, with the reason and its code.
   * @param {{room: string, metadata: () => any, token: string, ask?: boolean, session?: string, received?: number}} wish
   * @param {{peer: (peer: Peer) => void, waiting: () => void, entered: (room: Room) => void, message: (message: RoomEvents["message"]) => void, over: (text: string, code?: string|number) => void}} view
   */
  constructor(wish, view) {
    this.#wish = wish;
    this.#view = view;
    this.p2p = new Connector(addresses(), { token: wish.token || undefined, session: wish.session, received: wish.received, room: wish.room, leaveOnUnload: false });
    const listen = (name, fn) => this.p2p.on(name, (value) => this.#ended || fn(value));
    listen("state", ({ state, attempt, error }) => {
      if (state === "reconnecting") banner("wait", attempt > 1 ? `The server is away; calls go on. Trying again (${attempt})…` : "Reconnecting; calls go on…");
      if (state === "connecting") banner("wait", `${error?.message ?? "The server does not answer."} Trying again (${attempt})…`);
    });
    listen("draining", () => banner("wait", "This server is going away; moving to another. Calls go on."));
    listen("resumed", ({ recovered }) => {
      if (this.waits) return banner("none", "");
      if (!this.room) return; // after a reload, and enter says more
      if (recovered) passing("good", "Connected again. Nothing was lost on the way.");
      else passing("wait", "Connected again. Messages of the last moments may be lost; calls go on.", 10_000);
    });
    listen("reset", () => this.room && this.#rejoin());
    listen("waiting", () => {
      this.waits = true;
      view.waiting();
    });
    listen("room", (room) => room.id === wish.room && this.#hear(room));
    listen("peer", (peer) => view.peer(peer));
    listen("closed", (err) => this.#over(err.message, err.data.close_code));
  }

  /** Joins the room. Rejects with the server's reason. */
  async enter() {
    await this.p2p.ready;
    const { room: id, metadata, ask } = this.#wish;
    const room = (await this.#sameRoom(id)) || (await this.p2p.joinRoom(id, { create: true, metadata: metadata(), ask }));
    if (this.#ended) return;
    this.#follow(room);
    if (room.isCreator && !room.capacity) await room.update({ capacity: mostPeople });
  }

  /** Leaves, and is over without a reason. */
  end() {
    this.#ended = true;
    this.room = null;
    this.p2p.close();
  }

  // sameRoom: after a reload the session is in the room already, unless it was removed
  // meanwhile, the room has ended, or it still waits to be admitted.
  async #sameRoom(id) {
    try {
      await this.p2p.rooms.get(id)?.refresh();
    } catch (err) {
      if (err.code !== "Not_Found" && err.code !== "Unauthorised") throw err;
      return undefined;
    }
    return this.p2p.rooms.get(id);
  }

  // hear listens from the first moment: the messages that a reload has missed follow at
  // once, while the browser may still ask for the camera.
  #hear(room) {
    this.#early = [];
    room.on("message", (message) => {
      if (this.#ended) return;
      if (this.room === room) this.#view.message(message);
      else this.#early = [...this.#early, message].slice(-mostEarly);
    });
  }

  #follow(room) {
    this.room = room;
    this.waits = false;
    this.#wish.ask = false; // after a lost session it is for us to ask again
    this.#view.entered(room);
    for (const message of this.#early.splice(0)) this.#view.message(message);
    room.on("closed", ({ reason }) => this.room === room && this.#left(reason));
    for (const { id } of room.others) this.p2p.connectPeer(id); // who comes calls those who are here
  }

  // rejoin: away for too long, so we are somebody new to the server.
  async #rejoin() {
    banner("wait", "The connection was away for too long; joining again…");
    try {
      await this.enter();
      if (!this.#ended) passing("good", "Connected again.");
    } catch (err) {
      this.#over(reasonOf(err), err.code);
    }
  }

  #left(reason) {
    if (reason === "removed") this.#over("The host removed you from this room.");
    else if (reason === "banned") this.#over("The host removed you from this room and banned you: you cannot come back to it.");
    else if (reason === "ended") this.#over("The host ended this room.");
    else if (reason === "disconnected") this.#rejoin();
  }

  #over(text, code) {
    if (this.#ended) return;
    this.end();
    this.#view.over(text, code);
  }
}

/** Whether one can ask to join after joining failed with a code. @param {string|number} [code] */
export const mayAsk = (code) => code === "Room_Locked" || code === "Refused";

/** Why joining failed, and what to do. @param {ConnectorError} err */
export function reasonOf(err) {
  switch (err.code) {
    case "Room_Full":
      return "This room is full. Ask somebody to leave, or choose another room.";
    case "Room_Locked":
      return "The host has locked this room. You can ask to join.";
    case "Refused":
      return "You were not let in. You can ask again.";
    case "Banned":
      return "The host has banned you from this room. Choose another one.";
    default:
      return err.message;
  }
}

// addresses: with ?ports=8080,8081 the page knows several gateways on this host; only
// ports can be named, so that no link leads to a foreign server.
function addresses() {
  const ports = (new URLSearchParams(location.search).get("ports") ?? "").split(",").filter((p) => /^\d{1,5}$/.test(p));
  const own = location.origin.replace(/^http/, "ws") + "/ws";
  const others = ports.filter((p) => p !== location.port).map((p) => `${own.split(":")[0]}://${location.hostname}:${p}/ws`);
  return [own, ...others];
}
