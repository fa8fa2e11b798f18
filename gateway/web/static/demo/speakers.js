// @ts-check
// Who speaks: the loudest, without jumping at each word.

const silence = 0.02; // a level, from 0 to 1, that nobody hears
const decay = 0.8; // of what is left of a level after one step

export class Speakers {
  #levels = new Map(); // smoothed, by id
  #active = "";

  /** Takes the levels of now, by id; returns who speaks, or "". @param {Map<string, number>} levels */
  step(levels) {
    let loudest = "";
    for (const id of [...this.#levels.keys()]) if (!levels.has(id)) this.#levels.delete(id);
    for (const [id, level] of levels) {
      this.#levels.set(id, Math.max(level, (this.#levels.get(id) ?? 0) * decay));
      if (this.#of(id) > this.#of(loudest)) loudest = id;
    }
    const current = this.#of(this.#active);
    if (this.#of(loudest) < silence) this.#active = "";
    else if (current < silence || this.#of(loudest) > 1.5 * current) this.#active = loudest;
    return this.#active;
  }

  #of(id) {
    return this.#levels.get(id) ?? 0;
  }
}

/** By receiver, what it had heard at the last look. @type {WeakMap<RTCRtpReceiver, {energy: number, seconds: number}>} */
const heard = new WeakMap();

/**
 * How loud a peer was since the last look, from 0 to 1. The level of one moment would miss what
 * is said between two looks.
 * @param {RTCPeerConnection} pc
 */
export async function levelOf(pc) {
  let level = 0;
  for (const receiver of pc.getReceivers()) {
    if (receiver.track.kind !== "audio") continue;
    for (const s of (await receiver.getStats()).values()) {
      if (s.type !== "inbound-rtp") continue;
      const now = { energy: s.totalAudioEnergy ?? 0, seconds: s.totalSamplesDuration ?? 0 };
      const before = heard.get(receiver) ?? now;
      heard.set(receiver, now);
      if (now.seconds > before.seconds) level = Math.max(level, Math.sqrt((now.energy - before.energy) / (now.seconds - before.seconds)));
    }
  }
  return level;
}
