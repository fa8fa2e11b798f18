// Figures about one connection, from two reports of getStats.

/** Reads what is needed from a report. */
export function readStats(report) {
  const now = { at: 0, sent: 0, received: 0, rtt: undefined, frames: 0, relayed: false };
  let pair;
  for (const s of report.values()) {
    if (s.type === "transport") {
      now.at = s.timestamp;
      now.sent = s.bytesSent ?? 0;
      now.received = s.bytesReceived ?? 0;
      pair = report.get(s.selectedCandidatePairId) ?? pair;
    }
    if (s.type === "candidate-pair" && s.nominated && s.state === "succeeded") pair ??= s;
    if (s.type === "inbound-rtp" && s.kind === "video") now.frames += s.framesDecoded ?? 0;
  }
  if (pair) {
    now.rtt = pair.currentRoundTripTime === undefined ? undefined : pair.currentRoundTripTime * 1000;
    now.relayed = [pair.localCandidateId, pair.remoteCandidateId].some((id) => report.get(id)?.candidateType === "relay");
    if (!now.at) Object.assign(now, { at: pair.timestamp, sent: pair.bytesSent ?? 0, received: pair.bytesReceived ?? 0 });
  }
  return now;
}

/** Bits per second in both directions together between two readings. */
export function rate(before, now) {
  const seconds = (now.at - before.at) / 1000;
  if (!(seconds > 0)) return 0;
  const bytes = now.sent + now.received - before.sent - before.received;
  return Math.max(0, (bytes * 8) / seconds);
}

export function sayRate(bits) {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

export function sayRTT(ms) {
  if (ms === undefined) return "– ms";
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
