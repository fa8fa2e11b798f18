// @ts-check
// News outside of the chat: the banner that everyone sees, and
// the line that only screen readers read.

import { $ } from "./dom.js";

let timer = 0;

/** Shows text in the banner until the next one; "" hides it. @param {"none"|"wait"|"good"|"bad"} kind @param {string} text */
export function banner(kind, text) {
  clearTimeout(timer);
  $("banner").dataset.kind = kind;
  $("banner").textContent = text;
}

/** Shows text in the banner for ms milliseconds. @param {"wait"|"good"} kind @param {string} text */
export function passing(kind, text, ms = 4_000) {
  banner(kind, text);
  timer = setTimeout(() => banner("none", ""), ms);
}

/** Has screen readers read text when they are done with what they read. @param {string} text */
export function announce(text) {
  const line = document.createElement("span");
  line.textContent = text;
  $("live").append(line); // an added element is read even when its text is that of the last one
  while ($("live").childElementCount > 5) $("live").firstElementChild.remove();
}
