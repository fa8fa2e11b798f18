// What happens to the page that this module runs in.

/**
 * Tells when the network is back and when the page comes and goes, and returns a function
 * that ends that. Outside a page (a worker) it does nothing.
 * @param {{online: () => void, visible: () => void, leave: () => void, back: () => void}} listeners
 */
export function watchPage({ online, visible, leave, back }) {
  const page = globalThis.document;
  if (!page) return () => {};
  const onvisible = () => page.visibilityState === "visible" && visible();
  /** @param {PageTransitionEvent} e */
  const onshow = (e) => e.persisted && back();
  /** @type {[EventTarget, string, any][]} */
  const all = [
    [globalThis, "online", online],
    [page, "visibilitychange", onvisible],
    [globalThis, "pagehide", leave],
    [globalThis, "pageshow", onshow],
  ];
  for (const [target, name, fn] of all) target.addEventListener(name, fn);
  return () => all.forEach(([target, name, fn]) => target.removeEventListener(name, fn));
}
