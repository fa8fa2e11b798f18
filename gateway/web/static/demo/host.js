// @ts-check
// What the host may do: mute all, lock the room, hand it over, remove people.

import { ask } from "./ask.js";
import { $ } from "./dom.js";
/** @import { Room } from "/connector.js" */

export class Host {
  #room;
  #nameOf;
  #onproblem;

  /** @param {{room: () => Room|null, nameOf: (id: string) => string, onproblem: (text: string) => void}} parts */
  constructor({ room, nameOf, onproblem }) {
    this.#room = room;
    this.#nameOf = nameOf;
    this.#onproblem = onproblem;
    $("lock").addEventListener("click", () => this.#do((room) => room.update({ locked: !room.locked })));
    $("mute-all").addEventListener("click", () => this.#do((room) => room.send({ mute: true })));
  }

  /** Shows what the host of room may do, if we are. @param {Room} room */
  show(room) {
    $("host").hidden = !room.isCreator;
    $("lock").textContent = room.locked ? "Unlock room" : "Lock room";
    $("locked").hidden = !room.locked;
  }

  /** @param {string} id */
  async remove(id) {
    const name = this.#nameOf(id);
    const answer = await ask({
      title: `Remove ${name}?`, text: "The call ends for them at once.", confirm: "Remove", danger: true,
      check: `Ban ${name}: they cannot come back as long as this room exists`,
    });
    if (!answer) return;
    await this.#do((room) => room.remove(id, { ban: answer.checked }));
    $("people-title").focus(); // the button is gone with the row
  }

  /** @param {string} id */
  async handOver(id) {
    const name = this.#nameOf(id);
    const answer = await ask({ title: `Make ${name} host?`, text: `${name} can then lock the room, mute and remove people, and you cannot any more.`, confirm: "Make host" });
    if (answer) await this.#do((room) => room.setRole(id, "creator"));
  }

  async #do(what) {
    try {
      await what(this.#room());
    } catch (err) {
      this.#onproblem(err.message);
    }
  }
}
