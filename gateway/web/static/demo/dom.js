// @ts-check
/**
 * Makes an element: el("p", { class: "x", onclick: f }, "text", child).
 * @param {string} name @param {{[name: string]: any}} [props] @param {(Node|string|null|undefined)[]} children
 * @returns {any} the element of that name
 */
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(key, value);
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

/** The element with an id; the page has it. @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);
