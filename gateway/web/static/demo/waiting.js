// @ts-check
// Who asks to join a locked room: a list above the people, and a mark on the button of
// their panel while it is closed.

import { announce } from "./announce.js";
import { $, el } from "./dom.js";
import { read } from "./members.js";
/** @import { Member } from "/connector.js" */

export class Waiting {
  #onadmit;
  #onrefuse;
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map(); // by id

  /** @param {{onadmit: (id: string) => void, onrefuse: (id: string, name: string) => void}} listeners */
  constructor({ onadmit, onrefuse }) {
    this.#onadmit = onadmit;
    this.#onrefuse = onrefuse;
  }

  /** Shows who waits; rows that stay keep the focus. @param {Member[]} clients */
  show(clients) {
    for (const [id, row] of this.#rows) if (!clients.some((c) => c.id === id)) this.#drop(id, row);
    for (const client of clients) if (!this.#rows.has(client.id)) this.#add(client);
    $("waiting").hidden = clients.length === 0;
    this.mark();
  }

  /** Marks the button of the panel while somebody waits whom nobody sees. */
  mark() {
    const n = $("people-panel").hidden ? this.#rows.size : 0;
    $("asking").hidden = n === 0;
    $("asking").textContent = String(n);
    $("people-label").textContent = n ? `People, ${n} asking to join` : "People";
  }

  #add(client) {
    const name = read(client).name || `Guest ${client.id.slice(0, 4)}`;
    const button = (text, kind, act) => el("button", { class: `button small ${kind}`, type: "button", "aria-label": `${text} ${name}`, onclick: act }, text);
    const row = el("li", { "data-waits": client.id },
      el("span", { class: "who" }, name),
      el("span", { class: "acts" }, button("Admit", "", () => this.#onadmit(client.id)), button("Refuse", "quiet", () => this.#onrefuse(client.id, name))));
    this.#rows.set(client.id, row);
    $("waiting-list").append(row);
    announce(`${name} asks to join.`);
  }

  #drop(id, row) {
    const focused = row.contains(document.activeElement);
    row.remove();
    this.#rows.delete(id);
    if (focused) ($("waiting-list").querySelector("button") ?? $("people-title")).focus();
  }
}
