// The tiles: ours and one for each peer.

import { $, el } from "./dom.js";

const words = { connecting: "connecting…", reconnecting: "reconnecting…", failed: "no connection" };

export class Tiles {
  #tiles = new Map(); // by id

  /** @param {string} id @param {string} name @param {{self?: boolean, onretry?: () => void}} [options] */
  add(id, name, { self = false, onretry } = {}) {
    if (this.#tiles.has(id)) return;
    const video = el("video", { playsinline: true, autoplay: true, "aria-label": `Picture of ${name}` });
    video.muted = self;
    const parts = {
      video,
      name: el("span", {}, self ? `${name} (you)` : name),
      off: el("span", { class: "off", hidden: true }),
      trouble: el("span", { class: "trouble", hidden: self }, words.connecting),
      retry: el("div", { class: "retry", hidden: true }, el("button", { class: "button small", type: "button", onclick: () => onretry?.() }, "Try again")),
    };
    parts.root = el("figure", { class: "tile", "data-peer": id },
      el("span", { class: "letter", "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?"), video,
      el("figcaption", {}, parts.name, parts.off, parts.trouble), parts.retry);
    parts.root.classList.toggle("mirror", self);
    this.#tiles.set(id, parts);
    $("tiles").append(parts.root);
    this.#count();
  }

  remove(id) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.video.srcObject = null;
    tile.root.remove();
    this.#tiles.delete(id);
    this.#count();
  }

  /** Shows a stream; playing fails silently where the page was never touched, and the next click plays. */
  show(id, stream) {
    const tile = this.#tiles.get(id);
    if (!tile || tile.video.srcObject === stream) return;
    tile.video.srcObject = stream;
    tile.video.play().catch(() => addEventListener("click", () => tile.video.play().catch(() => {}), { once: true }));
  }

  /** What its owner says goes out: mic, cam, screen. */
  said(id, { mic, cam, screen }, self = false) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.root.classList.toggle("seen", Boolean(cam || screen));
    tile.root.classList.toggle("screen", Boolean(screen));
    tile.root.classList.toggle("mirror", self && !screen);
    tile.off.hidden = Boolean(mic);
    tile.off.textContent = "muted";
  }

  state(id, state) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.root.dataset.state = state;
    tile.trouble.hidden = !(state in words);
    tile.trouble.textContent = words[state] ?? "";
    tile.retry.hidden = state !== "failed";
  }

  #count() {
    $("tiles").dataset.count = this.#tiles.size;
  }
}
