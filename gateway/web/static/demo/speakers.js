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

/** How loud a peer is now, from 0 to 1. @param {RTCPeerConnection} pc */
export function levelOf(pc) {
  let level = 0;
  for (const receiver of pc.getReceivers()) {
    if (receiver.track.kind !== "audio") continue;
    for (const { audioLevel } of receiver.getSynchronizationSources()) level = Math.max(level, audioLevel ?? 0);
  }
  return level;
}
