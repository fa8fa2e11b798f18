// @ts-check
// Who is here, who has raised a hand, how good the connection to each is, and what
// the host may do.

import { Chart } from "./chart.js";
import { $, el } from "./dom.js";
import { icon } from "./icons.js";
import { lossBetween, quality, rate, readStats, sayRTT, sayRate } from "./stats.js";

const states = { connecting: "Connecting…", reconnecting: "Reconnecting…", failed: "No connection", closed: "No connection" };

export class People {
  #rows = new Map(); // by id
  #parts;
  #timer;

  /**
   * @param {{nameOf: (id: string) => string, handOf: (id: string) => number, peers: () => ReadonlyMap<string, any>,
   *   onremove: (id: string) => void, onhost: (id: string) => void, onrename: () => void, onquality: (id: string, level: string) => void}} parts
   */
  constructor(parts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#measure(), 1_000);
  }

  stop() {
    clearInterval(this.#timer);
    $("people").replaceChildren();
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
      this.#name(row, id, id === me);
      row.mark.hidden = room.creator !== id;
      row.hand.hidden = !this.#parts.handOf(id);
      row.remove.hidden = row.host.hidden = !room.isCreator || id === me;
      if (row.root.parentElement !== $("people")) $("people").append(row.root); // in order of joining; moving one would take its focus
    }
    $("people-count").textContent = String(room.members.length);
  }

  #name(row, id, self) {
    const name = this.#parts.nameOf(id);
    row.name.textContent = self ? `${name} (you)` : name;
    row.remove.setAttribute("aria-label", `Remove ${name}`);
    row.host.setAttribute("aria-label", `Make host: ${name}`);
  }

  #row(id, self) {
    const button = (text, kind, onclick) => el("button", { class: `button small ${kind}`, type: "button", hidden: true, onclick }, text);
    const row = {
      name: el("span", {}),
      mark: el("span", { class: "mark", hidden: true }, "host"),
      hand: el("span", { class: "mark hand", hidden: true }, icon("hand"), " hand raised"),
      host: button("Make host", "quiet", () => this.#parts.onhost(id)),
      remove: button("Remove", "danger", () => this.#parts.onremove(id)),
      word: el("summary", {}, "Connecting…"),
      figures: el("p", { class: "figures" }),
      chart: null,
      last: null,
    };
    const canvas = el("canvas", {});
    if (!self) row.chart = new Chart(canvas);
    const rename = el("button", { class: "button quiet small", type: "button", onclick: this.#parts.onrename }, "Rename");
    row.root = el("li", { "data-member": id },
      el("span", { class: "who" }, row.name, row.mark, row.hand),
      self ? null : el("details", { class: "quality" }, row.word, row.figures, canvas,
        el("p", { class: "legend" }, el("span", { class: "key rtt" }), " round trip ", el("span", { class: "key rate" }), " bit rate, last minute")),
      el("span", { class: "acts" }, self ? rename : null, row.host, row.remove));
    return row;
  }

  async #measure() {
    for (const [id, row] of this.#rows) {
      if (!row.chart) continue;
      const peer = this.#parts.peers().get(id);
      if (peer?.state !== "connected") {
        row.last = null;
        this.#write(id, row, states[peer?.state ?? "closed"], "No figures now.", "none");
        row.chart.add(undefined, 0, "no connection now");
        continue;
      }
      const now = { ...readStats(await peer.pc.getStats()), peer };
      const before = row.last?.peer === peer ? row.last : now;
      row.last = now;
      const bits = rate(before, now);
      const loss = lossBetween(before, now);
      const { level, text } = quality({ ...now, loss });
      const figures = `${sayRTT(now.rtt)} · ${sayRate(bits)} · ${(100 * loss).toFixed(loss > 0 && loss < 0.1 ? 1 : 0)} % lost${now.relayed ? " · TURN" : ""}`;
      this.#write(id, row, text, figures, level);
      row.chart.add(now.rtt, bits, `Connection to ${this.#parts.nameOf(id)}: round trip and bit rate ${figures}`);
    }
  }

  #write(id, row, word, figures, level) {
    if (row.word.textContent !== word) row.word.textContent = word; // what is written anew is read anew
    row.figures.textContent = figures;
    row.root.dataset.quality = level;
    this.#parts.onquality(id, level);
  }
}
