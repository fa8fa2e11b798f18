// @ts-check
// Names and raised hands: what members say of themselves in their metadata.

/** @import { Member, Room } from "/connector.js" */

const maxName = 40; // characters

export class Members {
  /** What the others see of us; hand is when it was raised, or 0. */
  me = { name: "", hand: 0 };
  #session;
  #onnote;
  /** @type {Map<string, {name: string, hand: number}>} */
  #known = new Map(); // to name those who leave, and to see what changed

  /**
   * onnote is called with a sentence about what happened.
   * @param {() => import("./session.js").Session|null} session @param {{onnote: (text: string) => void}} listeners
   */
  constructor(session, { onnote }) {
    this.#session = session;
    this.#onnote = onnote;
  }

  /** @param {string} id */
  nameOf = (id) => read(this.#session()?.room?.member(id)).name || this.#known.get(id)?.name || `Guest ${id.slice(0, 4)}`;

  /** When a member raised a hand, or 0. @param {string} id */
  handOf = (id) => read(this.#session()?.room?.member(id)).hand;

  /** We are in room. @param {Room} room */
  begin(room) {
    this.#known.clear();
    for (const member of room.members) this.#learn(member);
    const mine = read(room.member(this.#session().p2p.id));
    if (mine.name) this.me = { ...this.me, ...mine }; // after a reload
  }

  /** @param {Member[]} clients */
  joined(clients) {
    for (const client of clients) {
      this.#learn(client);
      this.#onnote(`${this.nameOf(client.id)} joined.`);
    }
  }

  /** @param {Member[]} clients */
  updated(clients) {
    for (const client of clients) {
      const before = this.#known.get(client.id);
      this.#learn(client);
      const now = this.#known.get(client.id);
      if (before && before.name !== now.name) this.#onnote(`${before.name} is called ${now.name} now.`);
      if (before && now.hand && !before.hand) this.#onnote(`${now.name} raised a hand.`);
    }
  }

  /** @param {{id: string, reason?: string}[]} clients */
  left(clients) {
    for (const { id, reason } of clients) {
      this.#onnote(farewell(this.#known.get(id)?.name ?? "Somebody", reason));
      this.#known.delete(id);
    }
  }

  toggleHand() {
    this.change({ hand: this.me.hand ? 0 : Date.now() });
  }

  /** Changes what the others see of us. @param {{name?: string, hand?: number}} what */
  async change(what) {
    this.me = { ...this.me, ...what };
    try {
      await this.#session().room.updateMember(this.me);
    } catch (err) {
      this.#onnote(err.message);
    }
  }

  #learn(member) {
    this.#known.set(member.id, { name: this.nameOf(member.id), hand: read(member).hand });
  }
}

/** The name and the raised hand of a member, or of one who waits: metadata is what its owner made it. @param {Member|undefined} [member] */
export function read(member) {
  const { name, hand } = member?.metadata ?? {};
  return { name: typeof name === "string" ? name.slice(0, maxName) : "", hand: typeof hand === "number" ? hand : 0 };
}

function farewell(name, reason) {
  if (reason === "removed") return `${name} was removed by the host.`;
  if (reason === "banned") return `${name} was removed by the host and cannot come back.`;
  return reason === "disconnected" ? `${name} lost the connection.` : `${name} left.`;
}
