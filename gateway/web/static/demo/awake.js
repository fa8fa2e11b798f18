// @ts-check
// The screen of a phone stays on during a call.

/** @type {WakeLockSentinel|null} */
let lock = null;
let wanted = false;

/** Keeps the screen on, or lets it go off again. @param {boolean} on */
export async function keepAwake(on) {
  wanted = on;
  if (!on) {
    lock?.release();
    lock = null;
    return;
  }
  if (document.visibilityState !== "visible" || (lock && !lock.released)) return;
  try {
    const got = await navigator.wakeLock?.request("screen");
    if (wanted) lock = got;
    else got.release();
  } catch {
    // A phone that saves its battery refuses; the call goes on.
  }
}

// Browsers take the lock away when the page is hidden.
document.addEventListener("visibilitychange", () => wanted && keepAwake(true));
