// @ts-check
// What a page leaves for itself when it is reloaded, so that it returns to the same
// call, or goes on waiting for it, as the same peer. It is written only when the page goes and removed when it is
// read, because a duplicated tab gets a copy of what is stored.

const key = "call";
const maxAge = 60_000; // ms; who returns later is asked first
const maxText = 2_000; // characters of a chat line

/** @typedef {{room: string, name: string, session: string, received: number, mic: boolean, cam: boolean, ask: boolean, lines: import("./chat.js").Line[]}} Stored */

/**
 * record is asked for when the page goes, and returns null when there is no call.
 * @param {() => Stored|null} record
 */
export function keepOverReload(record) {
  addEventListener("pagehide", () => {
    const call = record();
    if (!call) return;
    const lines = call.lines.map((line) => ({ ...line, text: line.text.slice(0, maxText) }));
    store({ ...call, lines }) || store({ ...call, lines: [] }); // the call matters more than the chat
  });
  addEventListener("pageshow", ({ persisted }) => persisted && sessionStorage.removeItem(key)); // nothing was unloaded
}

// store reports whether there was room: a full storage throws.
function store(call) {
  try {
    sessionStorage.setItem(key, JSON.stringify({ ...call, at: Date.now() }));
    return true;
  } catch {
    return false;
  }
}

/** The call that this page was in before it was reloaded, if it was in room. @param {string} room @returns {Stored|null} */
export function callBeforeReload(room) {
  const stored = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  if (!stored) return null;
  const { at, ...call } = JSON.parse(stored);
  return call.room === room && Date.now() - at < maxAge ? call : null;
}
