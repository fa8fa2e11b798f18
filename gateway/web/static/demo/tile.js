// @ts-check
// One tile: the picture of a person, or a screen.

import { el } from "./dom.js";
import { icon } from "./icons.js";

const words = { connecting: "connecting…", reconnecting: "reconnecting…", failed: "no connection" };

export class Tile {
  self;
  screen;

  /**
   * @param {string} name @param {{self?: boolean, screen?: boolean, onretry?: () => void, onpin: () => void}} options
   */
  constructor(name, { self = false, screen = false, onretry, onpin }) {
    this.self = self;
    this.screen = screen;
    this.video = el("video", { playsinline: true, autoplay: true });
    this.video.muted = self;
    this.nameLine = el("span", { class: "name" });
    this.hand = el("span", { class: "hand", hidden: true }, icon("hand"), el("span", { class: "sr" }, "raised a hand"));
    this.off = el("span", { class: "off", hidden: true });
    this.trouble = el("span", { class: "trouble", hidden: self || screen }, words.connecting);
    this.weak = el("span", { class: "trouble", hidden: true }, "poor connection");
    this.retry = el("div", { class: "retry", hidden: true }, el("button", { class: "button small", type: "button", onclick: () => onretry?.() }, "Try again"));
    this.letter = el("span", { class: "letter", "aria-hidden": "true" });
    this.acts = this.#acts(onpin);
    this.root = el("figure", { class: `tile${screen ? " screen" : ""}` }, this.letter, this.video,
      el("figcaption", {}, this.hand, this.nameLine, this.off, this.trouble, this.weak), this.retry, el("div", { class: "tile-acts" }, ...Object.values(this.acts)));
    this.rename(name);
  }

  #acts(onpin) {
    const button = (name, onclick) => el("button", { class: "tile-act", type: "button", onclick }, icon(name));
    const acts = {
      pin: button("pin", onpin),
      full: button("full", () => this.#toggleFull()),
      pip: button("pip", () => this.#togglePip()),
    };
    acts.full.hidden = !document.fullscreenEnabled;
    acts.pip.hidden = !document.pictureInPictureEnabled;
    return acts;
  }

  rename(name) {
    const whose = this.self ? "you" : name;
    this.letter.textContent = [...name][0]?.toUpperCase() ?? "?";
    if (this.screen) this.nameLine.textContent = this.self ? "Your screen" : `${name}’s screen`;
    else this.nameLine.textContent = this.self ? `${name} (you)` : name;
    this.video.setAttribute("aria-label", this.screen ? `Screen of ${whose}` : `Picture of ${whose}`);
    for (const [act, text] of [["full", "Full screen"], ["pip", "Picture in picture"]]) label(this.acts[act], `${text}: ${this.nameLine.textContent}`);
    this.pinned(this.root.classList.contains("pinned"));
  }

  pinned(yes) {
    this.root.classList.toggle("pinned", yes);
    this.acts.pin.setAttribute("aria-pressed", String(yes));
    label(this.acts.pin, `Pin: ${this.nameLine.textContent}`);
  }

  /** Shows a stream; playing fails silently where the page was never touched, and the next click plays. */
  show(stream) {
    if (this.video.srcObject === stream) return;
    this.video.srcObject = stream;
    if (!stream) return;
    this.video.play().catch(() => addEventListener("click", () => this.video.play().catch(() => {}), { once: true }));
  }

  /** What goes out of its owner's devices. @param {{mic: boolean, cam: boolean}} status */
  status({ mic, cam }) {
    this.root.classList.toggle("seen", Boolean(cam));
    this.off.hidden = Boolean(mic);
    this.off.textContent = "muted";
  }

  state(state) {
    this.root.dataset.state = state;
    this.trouble.hidden = !(state in words);
    this.trouble.textContent = words[state] ?? "";
    this.retry.hidden = state !== "failed";
  }

  close() {
    if (document.pictureInPictureElement === this.video) document.exitPictureInPicture().catch(() => {}); // it may have been closed by hand
    this.video.srcObject = null;
    this.root.remove();
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen().catch(() => {}); // the browser has said why
  }

  #togglePip() {
    if (document.pictureInPictureElement === this.video) document.exitPictureInPicture();
    else this.video.requestPictureInPicture().catch(() => {}); // nothing is shown yet
  }
}

function label(button, text) {
  button.setAttribute("aria-label", text);
  button.title = text;
}
