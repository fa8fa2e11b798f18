// What stands in signals: generations and their order, candidates in descriptions.

/**
 * generation is call if it can be one. Versions of this module before generations had
 * an order sent a random text.
 * @param {unknown} call @returns {number|string|undefined}
 */
export function generation(call) {
  return isInteger(call) || typeof call === "string" ? call : undefined;
}

/**
 * isInteger tells whether n can number an offer or a generation.
 * @param {unknown} n @returns {n is number}
 */
export function isInteger(n) {
  return Number.isSafeInteger(n);
}

/**
 * compare tells whether call is newer (1) or older (-1) than the newest one known, or
 * the same (0). A signal without one is taken as the newest one's. Texts have no order:
 * another text is a newer one if it comes with an offer.
 * @param {number|string|undefined} call @param {number|string|undefined} known @param {string} event
 */
export function compare(call, known, event) {
  if (call === undefined || call === known) return 0;
  if (known === undefined) return 1;
  if (typeof call === "number" && typeof known === "number") return call > known ? 1 : -1;
  return event === "Offer" ? 1 : -1;
}

/** candidatesOf returns the candidates that a description holds. @param {RTCSessionDescriptionInit} description */
export function candidatesOf({ sdp }) {
  /** @type {RTCIceCandidateInit[]} */
  const all = [];
  /** @type {string|undefined} */
  let mid;
  /** @type {string|undefined} */
  let ufrag;
  for (const line of String(sdp).split(/\r?\n/)) {
    if (line.startsWith("m=")) mid = undefined;
    if (line.startsWith("a=mid:")) mid = line.slice(6);
    if (line.startsWith("a=ice-ufrag:")) ufrag = line.slice(12);
    if (line.startsWith("a=candidate:")) all.push({ candidate: line.slice(2), sdpMid: mid, usernameFragment: ufrag });
  }
  return all;
}
