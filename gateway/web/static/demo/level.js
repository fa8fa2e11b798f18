// @ts-check
// How loud a microphone is.

export class Level {
  /** @type {AudioContext|null} */
  #context = null;
  /** @type {AnalyserNode|null} */
  #analyser = null;
  /** @type {MediaStreamAudioSourceNode|null} */
  #source = null;
  #samples = new Float32Array(1 << 14); // at 48 kHz a third of a second: more than passes between two looks

  /** Measures track from now on; null for nothing. @param {MediaStreamTrack|null} track */
  watch(track) {
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    this.resume();
  }

  /** Browsers measure nothing before the page was touched: call it then. */
  resume() {
    if (this.#context?.state === "suspended") this.#context.resume().catch(() => {}); // tried again at the next touch
  }

  /** From 0, silence, to 1. */
  get value() {
    if (!this.#source || !this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const s of this.#samples) sum += s * s;
    return Math.min(1, Math.sqrt(sum / this.#samples.length) * 2);
  }
}
