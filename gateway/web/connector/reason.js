// Why there is no connection, in words for the person in front of the page.

import { ConnectorError } from "./error.js";

/**
 * What the server said when it refused, else what its close code says; null when it
 * said nothing, as when it is not there (1006).
 * @param {number} code
 * @param {ConnectorError|null} refusal the error frame that came in place of a greeting
 */
export function whyClosed(code, refusal) {
  if (refusal) return new ConnectorError(refusal.code, refusal.message, { ...refusal.data, close_code: code });
  const reasons = /** @type {{[code: number]: string}} */ ({
    1000: "The session has ended. Connect again.",
    1008: "The server closed the connection because this page broke its rules. Send less at a time.",
    1013: "The server closed the connection because it cannot serve it now. Connect again later.",
    4001: "The token is missing, wrong or expired. Get a fresh one and connect again.",
    4002: "Another connection has taken this session over. Close one of the two.",
    4003: "The server does not take connections from pages of this origin. Its operator can allow it.",
  });
  return reasons[code] ? new ConnectorError("Closed", reasons[code], { close_code: code }) : null;
}

/** An address without its query, which may hold a token. @param {string} url */
export function place(url) {
  const { protocol, host, pathname } = new URL(url, globalThis.location?.href);
  return `${protocol}//${host}${pathname}`;
}

/** Throws Invalid_Address for an address that no server can have. @param {string} url */
export function checkAddress(url) {
  let protocol = "";
  try {
    ({ protocol } = new URL(url, globalThis.location?.href));
  } catch {
    // It is none at all.
  }
  if (!["ws:", "wss:", "http:", "https:"].includes(protocol)) {
    throw new ConnectorError("Invalid_Address", `${JSON.stringify(url)} is no address of a server. Give one like wss://host/ws.`);
  }
}
