// Who is here, how good the connection to each is, and what the host may do.

import { Chart } from "./chart.js";
import { $, el } from "./dom.js";
import { rate, readStats, sayRTT, sayRate } from "./stats.js";

export class People {
  #rows = new Map(); // by id
  #nameOf;
  #onremove;
  #timer;

  constructor({ nameOf, onremove, peers }) {
    this.#nameOf = nameOf;
    this.#onremove = onremove;
    this.#timer = setInterval(() => this.#measure(peers()), 1_000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** Shows the members of room; rows that stay keep their charts. */
  show(room, me) {
    for (const [id, row] of this.#rows) {
      if (room.has(id)) continue;
      row.root.remove();
      this.#rows.delete(id);
    }
    for (const { id } of room.members) {
      if (!this.#rows.has(id)) this.#rows.set(id, this.#row(id, id === me));
      const row = this.#rows.get(id);
      row.mark.hidden = room.creator !== id;
      row.remove.hidden = !room.isCreator || id === me;
      $("people").append(row.root); // in order of joining
    }
    $("legend").hidden = room.members.length < 2;
  }

  #row(id, self) {
    const name = this.#nameOf(id);
    const row = {
      mark: el("span", { class: "mark", hidden: true }, "host"),
      remove: el("button", { class: "button danger small", type: "button", hidden: true, "aria-label": `Remove ${name}`, onclick: () => this.#onremove(id) }, "Remove"),
      quality: el("span", { class: "quality" }, self ? "this browser" : "connecting…"),
      last: null,
    };
    const canvas = self ? null : el("canvas", {});
    row.chart = canvas && new Chart(canvas);
    row.root = el("li", { "data-member": id }, el("span", { class: "who" }, self ? `${name} (you)` : name, row.mark), el("span", { class: "acts" }, row.remove), row.quality, canvas);
    return row;
  }

  async #measure(peers) {
    for (const [id, row] of this.#rows) {
      if (!row.chart) continue;
      const peer = peers.get(id);
      if (!peer || peer.state === "closed") {
        row.quality.textContent = "no connection";
        continue;
      }
      const now = readStats(await peer.pc.getStats());
      const bits = row.last && row.last.peer === peer ? rate(row.last, now) : 0;
      row.last = { ...now, peer };
      if (peer.state !== "connected") {
        row.quality.textContent = { connecting: "connecting…", reconnecting: "reconnecting…", failed: "no connection" }[peer.state];
        row.chart.add(undefined, 0, "no connection now");
        continue;
      }
      const text = `${sayRTT(now.rtt)} · ${sayRate(bits)}${now.relayed ? " · TURN" : ""}`;
      row.quality.textContent = text;
      row.chart.add(now.rtt, bits, `Connection to ${this.#nameOf(id)}: round trip and bit rate ${text}`);
    }
  }
}
