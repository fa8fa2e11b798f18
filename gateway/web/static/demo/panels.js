// @ts-check
// The panels beside the tiles: people and chat. Where there is room both may be open;
// on a phone one at a time takes the lower half.

import { $ } from "./dom.js";

const both = matchMedia("(min-width: 60rem)");
const names = ["people", "chat"];

export class Panels {
  #onchange;

  /** @param {() => void} onchange */
  constructor(onchange) {
    this.#onchange = onchange;
    for (const name of names) $(`show-${name}`).addEventListener("click", () => this.open(name, $(`${name}-panel`).hidden));
    both.addEventListener("change", () => this.reset());
    this.reset();
  }

  /** Opens what there is room for. */
  reset() {
    for (const name of names) this.#set(name, both.matches);
    this.#onchange();
  }

  /** @param {string} name @param {boolean} yes */
  open(name, yes) {
    if (!both.matches) for (const other of names) this.#set(other, false);
    this.#set(name, yes);
    this.#onchange();
  }

  #set(name, yes) {
    $(`${name}-panel`).hidden = !yes;
    $(`show-${name}`).setAttribute("aria-expanded", String(yes));
    $("side").hidden = names.every((n) => $(`${n}-panel`).hidden);
  }
}
