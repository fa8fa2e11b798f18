// What a frame looks like on the wire, and what cannot be sent.

/** @import { Draft } from "./types.js" */

import { ConnectorError } from "./error.js";

const encoder = new TextEncoder();

/**
 * Returns a frame as text. It refuses what the server would close the connection for (1009), and
 * values that JSON would lose silently.
 * @param {Draft & {id?: string}} frame @param {number} most bytes
 */
export function encode(frame, most = Infinity) {
  let text;
  try {
    text = JSON.stringify(frame, refuseLost);
  } catch (err) {
    if (err instanceof ConnectorError) throw err;
    throw new ConnectorError("Invalid_Message", `This cannot be sent as JSON: ${/** @type {Error} */ (err).message}`); // it contains itself
  }
  if (text.length * 3 > most && encoder.encode(text).length > most) {
    throw new ConnectorError("Too_Big", `A frame may have at most ${most} bytes. Send less, or use a data channel.`);
  }
  return text;
}

/** @this {any} @param {string} key @param {any} value after its toJSON */
function refuseLost(key, value) {
  const raw = this[key];
  if (raw === null || (typeof raw !== "object" && typeof raw !== "bigint")) return value;
  if (raw instanceof ArrayBuffer || ArrayBuffer.isView(raw) || (globalThis.Blob && raw instanceof Blob)) {
    throw lost(key, raw, "Send bytes over peer.data, or as text in base64.");
  }
  if (typeof raw === "bigint") throw lost(key, raw, "Send it as a string.");
  if (raw instanceof Map || raw instanceof Set || raw instanceof Promise) throw lost(key, raw, "Make an array or a plain object of it.");
  return value;
}

/** @param {string} key @param {any} value @param {string} instead */
function lost(key, value, instead) {
  return new ConnectorError("Invalid_Message", `${key || "The value"} is a ${value.constructor.name}, which JSON cannot carry. ${instead}`);
}
