// @ts-check
// The icons of the call: strokes on a square of 24 by 24.

const paths = {
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4M8 21h8",
  cam: "M3 7h11v10H3zM14 11l7-4v10l-7-4",
  flip: "M4 10a8 8 0 0 1 14-4M18 2v4h-4M20 14a8 8 0 0 1-14 4M6 22v-4h4",
  screen: "M3 4h18v12H3zM8 20h8M12 16v4M12 13V8M9.5 10 12 7.5 14.5 10",
  hand: "M7 13V6.5a1.5 1.5 0 0 1 3 0V11V4.5a1.5 1.5 0 0 1 3 0V11V5.5a1.5 1.5 0 0 1 3 0V12V8.5a1.5 1.5 0 0 1 3 0V15a6 6 0 0 1-6 6h-1a6 6 0 0 1-5-2.7L4 14a1.6 1.6 0 0 1 2.6-1.8z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
  chat: "M4 4h16v12H9l-5 4z",
  devices: "M4 7h9M19 7h1M16 4.5v5M4 17h1M11 17h9M8 14.5v5",
  leave: "M3 14c5-5 13-5 18 0l-3 3-3.5-2v-2.3a12 12 0 0 0-5 0V15L6 17z",
  pin: "M9 3h6l-1 6 4 4H6l4-4zM12 13v8",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  pip: "M3 5h18v14H3zM12 12h6v4h-6z",
};
const slash = "M4 4l16 16"; // shown by the style sheet when a device is off
const space = "http://www.w3.org/2000/svg";

/** An icon, which screen readers skip. @param {keyof typeof paths} name */
export function icon(name) {
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const [kind, d] of [["shape", paths[name]], ["slash", slash]]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** Puts its icon before the label of each button with data-icon. */
export function drawIcons() {
  for (const button of document.querySelectorAll("[data-icon]")) button.prepend(icon(/** @type {any} */ (button).dataset.icon));
}
