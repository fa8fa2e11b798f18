// @ts-check
// The bar below the tiles.

import { $ } from "./dom.js";
import { sharesScreen, why } from "./media.js";

/** @type {Map<import("./media.js").Slot, [name: string, on: string, off: string]>} */
const switches = new Map([
  ["mic", ["microphone", "Mute", "Unmute"]],
  ["cam", ["camera", "Stop camera", "Start camera"]],
  ["screen", ["screen", "Stop sharing", "Share screen"]],
]);

export class Controls {
  #media;
  #changing = new Set(); // devices that the browser is asked for

  /** @param {{media: import("./media.js").Media, onhand: () => void, onleave: () => void}} parts */
  constructor({ media, onhand, onleave }) {
    this.#media = media;
    for (const [slot, [name]] of switches) $(slot).addEventListener("click", () => this.#device(() => media.toggle(slot), name));
    $("flip").addEventListener("click", () => this.#device(() => media.flip(), "camera"));
    $("screen").hidden = !sharesScreen;
    $("hand").addEventListener("click", onhand);
    $("leave").addEventListener("click", onleave);
  }

  /** A sentence about the devices, until the next one. */
  notice(text) {
    $("media-notice").textContent = text;
  }

  draw() {
    const { mic, cam, screen } = this.#media.status;
    const on = { mic, cam, screen: screen !== "" };
    for (const [slot, [, yes, no]] of switches) {
      label(slot, on[slot] ? yes : no);
      $(slot).classList.toggle("off", !on[slot] && slot !== "screen");
      $(slot).classList.toggle("on", on[slot] && slot === "screen");
    }
    $("flip").disabled = !cam;
  }

  /** @param {boolean} raised */
  hand(raised) {
    label("hand", raised ? "Lower hand" : "Raise hand");
    $("hand").classList.toggle("on", raised);
  }

  // device switches a device, once at a time: a second click while the browser asks
  // would open a second camera.
  async #device(change, name) {
    if (this.#changing.has(name)) return;
    this.#changing.add(name);
    try {
      await change();
      this.notice("");
    } catch (err) {
      this.notice(name === "screen" && err.name === "NotAllowedError" ? "The screen is not shared." : why(err, name));
    }
    this.#changing.delete(name);
    this.draw();
  }
}

function label(id, text) {
  const button = $(id);
  button.querySelector(".label").textContent = text;
  button.title = text;
}
