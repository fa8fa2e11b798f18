// @ts-check
// Figures about one connection, from two reports of getStats, and in a word what they
// mean for a call.

/** Reads what is needed from a report. */
export function readStats(report) {
  const now = { at: 0, sent: 0, received: 0, rtt: undefined, relayed: false, packets: 0, lost: 0, jitter: 0 };
  let pair;
  for (const s of report.values()) {
    if (s.type === "transport") {
      now.at = s.timestamp;
      now.sent = s.bytesSent ?? 0;
      now.received = s.bytesReceived ?? 0;
      pair = report.get(s.selectedCandidatePairId) ?? pair;
    }
    if (s.type === "candidate-pair" && s.nominated && s.state === "succeeded") pair ??= s;
    if (s.type === "inbound-rtp") {
      now.packets += s.packetsReceived ?? 0;
      now.lost += s.packetsLost ?? 0;
      if (s.kind === "audio") now.jitter = 1000 * (s.jitter ?? 0);
    }
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

/** The part of the packets, from 0 to 1, that was lost on the way here between two readings. */
export function lossBetween(before, now) {
  const lost = Math.max(0, now.lost - before.lost);
  const all = lost + Math.max(0, now.packets - before.packets);
  return all === 0 ? 0 : lost / all;
}

/**
 * What people will notice of a connection.
 * @param {{rtt?: number, jitter: number, loss: number}} figures rtt and jitter in milliseconds
 * @returns {{level: "good"|"fair"|"poor", text: string}}
 */
export function quality({ rtt = 0, jitter, loss }) {
  if (loss > 0.08) return { level: "poor", text: "Poor: much is lost on the way" };
  if (rtt > 500) return { level: "poor", text: "Poor: long delay" };
  if (loss > 0.02) return { level: "fair", text: "Fair: some is lost on the way" };
  if (rtt > 250 || jitter > 60) return { level: "fair", text: "Fair: some delay" };
  return { level: "good", text: "Good connection" };
}

export function sayRate(bits) {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

export function sayRTT(ms) {
  if (ms === undefined) return "– ms";
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
