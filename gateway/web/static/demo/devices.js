// @ts-check
// The choice of devices, with the level of the microphone and a sound to try the
// speaker with. It stands in the lobby, and during a call in a dialog.

import { $, el } from "./dom.js";
import { why } from "./media.js";
import { choice, choose } from "./preferences.js";
/** @import { Device } from "./preferences.js" */

/** @type {[Device, MediaDeviceKind, string][]} */
const kinds = [["cam", "videoinput", "camera"], ["mic", "audioinput", "microphone"], ["speaker", "audiooutput", "speaker"]];

export class Devices {
  #media;
  #level;
  #onspeaker;

  /**
   * onspeaker is called with the id of a speaker that was chosen.
   * @param {{media: import("./media.js").Media, level: import("./level.js").Level, onspeaker: (id: string) => void}} parts
   */
  constructor({ media, level, onspeaker }) {
    this.#media = media;
    this.#level = level;
    this.#onspeaker = onspeaker;
    for (const [device, , name] of kinds) $(`pick-${device}`).addEventListener("change", () => this.#choose(device, name));
    $("try-sound").addEventListener("click", () => sound().catch((err) => ($("devices-problem").textContent = `No sound can be played here: ${err.message}`)));
    $("pick-speaker-row").hidden = !("setSinkId" in HTMLMediaElement.prototype);
    navigator.mediaDevices?.addEventListener("devicechange", () => this.refresh());
    setInterval(() => this.#draw(), 100);
    this.refresh();
  }

  /** Lists the devices again: browsers name them only after one was opened. */
  async refresh() {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    for (const [device, kind, name] of kinds) {
      const found = all.filter((d) => d.kind === kind && d.deviceId);
      const select = $(`pick-${device}`);
      const current = device === "speaker" ? "" : this.#media[device]?.getSettings().deviceId;
      select.replaceChildren(...(found.length ? found.map((d, i) => el("option", { value: d.deviceId }, d.label || `${capital(name)} ${i + 1}`)) : [el("option", { value: "" }, `Default ${name}`)]));
      const wanted = current || choice(device);
      if (found.some((d) => d.deviceId === wanted)) select.value = wanted;
      select.disabled = found.length < 2;
    }
    const cameras = all.filter((d) => d.kind === "videoinput").length;
    $("flip").hidden = cameras < 2 || !matchMedia("(pointer: coarse)").matches;
  }

  async #choose(device, name) {
    $("devices-problem").textContent = "";
    choose(device, $(`pick-${device}`).value);
    try {
      if (device === "speaker") this.#onspeaker(choice("speaker"));
      else await this.#media.reopen(device);
    } catch (err) {
      $("devices-problem").textContent = why(err, name);
    }
  }

  #draw() {
    const meter = $("level");
    if (!meter.checkVisibility()) return;
    const value = this.#media.micOn ? Math.round(100 * this.#level.value) : 0;
    meter.setAttribute("aria-valuenow", String(value));
    meter.firstElementChild.style.transform = `scaleX(${value / 100})`;
  }
}

const capital = (word) => word[0].toUpperCase() + word.slice(1);

// sound plays two short tones on the chosen speaker.
async function sound() {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const gain = new GainNode(context, { gain: 0.2 });
  gain.connect(out);
  const tone = new OscillatorNode(context, { frequency: 523 });
  tone.frequency.setValueAtTime(659, context.currentTime + 0.25);
  tone.connect(gain);
  const player = new Audio();
  player.srcObject = out.stream;
  try {
    if (choice("speaker")) await player.setSinkId(choice("speaker"));
    await player.play();
    tone.start();
    tone.stop(context.currentTime + 0.6);
    await new Promise((resolve) => (tone.onended = resolve));
  } finally {
    player.srcObject = null;
    await context.close();
  }
}
