// @ts-check
// Links in what people write.

import { el } from "./dom.js";

/** Text with its http and https addresses as links. @param {string} text @returns {(Node|string)[]} */
export function withLinks(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/i).map((part, i) => (i % 2 ? link(part) : part)).flat();
}

// link leaves a full stop after an address outside of it.
function link(text) {
  const [, address, rest] = /^(.*?)([.,;:!?)\]]*)$/s.exec(text);
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return [text];
  return [el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, address), rest];
}
