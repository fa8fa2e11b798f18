// @ts-check
// What the host may do: mute all, lock the room, hand it over, remove people, lift bans; and
// whom moderators, too, may admit and refuse.

import { ask } from "./ask.js";
import { $, el } from "./dom.js";
/** @import { Room } from "/connector.js" */

export class Host {
  #room;
  #nameOf;
  #onproblem;
  #banned = new Map(); // names of those whom we banned, by id

  /** @param {{room: () => Room|null, nameOf: (id: string) => string, onproblem: (text: string) => void}} parts */
  constructor({ room, nameOf, onproblem }) {
    this.#room = room;
    this.#nameOf = nameOf;
    this.#onproblem = onproblem;
    $("lock").addEventListener("click", () => this.#do((room) => room.update({ locked: !room.locked })));
    $("mute-all").addEventListener("click", () => this.#do((room) => room.send({ mute: true })));
    $("show-bans").addEventListener("click", () => this.#do((room) => this.#showBans(room)));
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
    await this.#remove(id, name, answer.checked);
    $("people-title").focus(); // the button is gone with the row
  }

  /** @param {string} id of one who asks to join */
  admit(id) {
    return this.#do((room) => room.admit(id));
  }

  /** @param {string} id of one who asks to join @param {string} name */
  async refuse(id, name) {
    const answer = await ask({
      title: `Refuse ${name}?`, text: "They stay outside, and may ask again.", confirm: "Refuse", danger: true,
      check: `Ban ${name}: they cannot ask again as long as this room exists`,
    });
    if (answer) await this.#remove(id, name, answer.checked);
  }

  #remove(id, name, ban) {
    if (ban) this.#banned.set(id, name);
    return this.#do((room) => room.remove(id, { ban }));
  }

  /** @param {string} id */
  async handOver(id) {
    const name = this.#nameOf(id);
    const answer = await ask({ title: `Make ${name} host?`, text: `${name} can then lock the room, mute and remove people, and you cannot any more.`, confirm: "Make host" });
    if (answer) await this.#do((room) => room.setRole(id, "creator"));
  }

  /** @param {Room} room */
  async #showBans(room) {
    const bans = await room.bans();
    $("bans-none").hidden = bans.length > 0;
    $("bans-list").replaceChildren(...bans.map(({ client, user }) => {
      const name = this.#banned.get(client) ?? user ?? this.#nameOf(client);
      const lift = () => this.#do(async () => {
        await room.unban(client);
        await this.#showBans(room);
        $("bans-done").focus(); // the button is gone with the row
      });
      return el("li", {}, el("span", { class: "who" }, name),
        el("span", { class: "acts" }, el("button", { class: "button quiet small", type: "button", "aria-label": `Lift ban: ${name}`, onclick: lift }, "Lift ban")));
    }));
    if (!$("bans").open) $("bans").showModal();
  }

  async #do(what) {
    try {
      await what(this.#room());
    } catch (err) {
      this.#onproblem(err.message);
    }
  }
}
