// @ts-check
// Our own microphone, camera and screen. The camera is closed when it is switched
// off, because its light is what people trust; the microphone is only muted, because
// it must be back at once.

import { preferred } from "./preferences.js";

// Each of us sends to every other, so pictures are of modest size.
const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 20 } };

/** @typedef {"mic"|"cam"|"screen"} Slot */

export class Media {
  /** The microphone and the camera are sent as part of this stream. */
  stream = new MediaStream();
  /** The screen is sent as part of this one, by whose id others know it. */
  screenStream = new MediaStream();
  /** @type {MediaStreamTrack|null} */
  mic = null;
  /** @type {MediaStreamTrack|null} */
  cam = null;
  /** @type {MediaStreamTrack|null} */
  screen = null;
  micOn = false;

  #stops = 0; // so that what the browser opens too late is closed
  #onchange;
  #onlost;

  /**
   * onchange is called when another track, or null, goes out in a slot; onlost when a
   * device is gone.
   * @param {{onchange: (slot: Slot, track: MediaStreamTrack|null) => void, onlost: (slot: Slot) => void}} listeners
   */
  constructor({ onchange, onlost }) {
    this.#onchange = onchange;
    this.#onlost = onlost;
  }

  /** What goes out, for the others. */
  get status() {
    return { mic: this.micOn, cam: this.cam !== null, stream: this.stream.id, screen: this.screen ? this.screenStream.id : "" };
  }

  /** What a video element here shows: with a stream of nothing it would wait, and the page would never have loaded. */
  get shown() {
    return this.mic || this.cam ? this.stream : null;
  }

  /** Whether our own picture is shown as in a mirror, which people expect of a camera that looks at them. */
  get mirrored() {
    return this.cam?.getSettings().facingMode !== "environment";
  }

  /** Opens what is wanted and not open yet; resolves with a sentence when something is missing. */
  async start(mic = true, cam = true) {
    const want = { mic: mic && !this.mic, cam: cam && !this.cam };
    if (!want.mic && !want.cam) return "";
    try {
      await this.#open(want);
      return "";
    } catch (err) {
      if (err.name === "SecurityError") return `${why(err)} You see and hear the others and can write and send files.`;
      if (!want.mic || !want.cam) return why(err, want.mic ? "microphone" : "camera");
      return this.#startMic(err);
    }
  }

  async #startMic(both) {
    try {
      await this.#open({ mic: true });
      return `${why(both, "camera")} The others hear you and see your name.`;
    } catch (err) {
      return `${why(err, "camera and microphone")} You see and hear the others and can write and send files.`;
    }
  }

  /** Switches a device on or off. @param {Slot} slot */
  async toggle(slot) {
    if (slot === "screen") return this.#toggleScreen();
    if (!this[slot]) return this.#open({ [slot]: true });
    if (slot === "cam") return this.#set("cam", null);
    this.mute(this.micOn);
  }

  /** Mutes the microphone, or lets it be heard again. */
  mute(muted = true) {
    if (!this.mic) return;
    this.mic.enabled = this.micOn = !muted;
    this.#onchange("mic", this.mic);
  }

  /** Goes over to the preferred device of a slot, if the slot is on. @param {"mic"|"cam"} slot */
  async reopen(slot) {
    if (!this[slot]) return;
    const muted = slot === "mic" && !this.micOn;
    if (slot === "cam") this.#set("cam", null); // phones open one camera at a time
    await this.#open({ [slot]: true });
    if (muted) this.mute();
  }

  /** Goes over to the camera on the other side of a phone, or to the next one. */
  async flip() {
    const { facingMode, deviceId } = this.cam?.getSettings() ?? {};
    const other = facingMode
      ? { facingMode: facingMode === "user" ? "environment" : "user" }
      : { deviceId: { exact: await nextCamera(deviceId) } };
    this.#set("cam", null);
    await this.#open({ cam: other });
  }

  stop() {
    this.#stops++;
    for (const slot of /** @type {const} */ (["mic", "cam", "screen"])) if (this[slot]) this.#set(slot, null);
  }

  async #toggleScreen() {
    if (this.screen) return this.#set("screen", null);
    const stops = this.#stops;
    const shared = await devices("getDisplayMedia").getDisplayMedia({ video: true });
    if (stops !== this.#stops) return close(shared);
    this.#set("screen", shared.getVideoTracks()[0]);
  }

  /** @param {{mic?: boolean, cam?: boolean|MediaTrackConstraints}} want */
  async #open({ mic = false, cam = false }) {
    const stops = this.#stops;
    const video = cam === true ? { ...size, ...preferred("cam") } : cam && { ...size, ...cam };
    const stream = await devices("getUserMedia").getUserMedia({ audio: mic && { ...preferred("mic") }, video }).catch((err) => {
      if (err.name !== "OverconstrainedError") throw err;
      return navigator.mediaDevices.getUserMedia({ audio: mic, video: cam && size }); // the chosen one is unplugged: another one does
    });
    if (stops !== this.#stops) return close(stream);
    for (const track of stream.getTracks()) this.#set(track.kind === "audio" ? "mic" : "cam", track);
  }

  /** @param {Slot} slot @param {MediaStreamTrack|null} track */
  #set(slot, track) {
    const stream = slot === "screen" ? this.screenStream : this.stream;
    const old = this[slot];
    if (old) {
      old.onended = null;
      old.stop();
      stream.removeTrack(old);
    }
    this[slot] = track;
    if (slot === "mic") this.micOn = track !== null;
    if (track) {
      stream.addTrack(track);
      track.onended = () => this.#ended(slot);
    }
    this.#onchange(slot, track);
  }

  // ended: somebody pulled the plug, or ended the share in the browser's own bar.
  #ended(slot) {
    this.#set(slot, null);
    if (slot !== "screen") this.#onlost(slot);
  }
}

async function nextCamera(current) {
  const all = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === "videoinput");
  return all[(all.findIndex((d) => d.deviceId === current) + 1) % all.length]?.deviceId;
}

function close(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// devices is navigator.mediaDevices, which has what is asked for.
function devices(method) {
  if (!isSecureContext) throw new DOMException("this page came by plain http", "SecurityError");
  if (!navigator.mediaDevices?.[method]) throw new DOMException(`no ${method} here`, "NotSupportedError");
  return navigator.mediaDevices;
}

/** Whether this platform lets a page show the screen. Pages by plain http keep the button, which says what to do. */
export const sharesScreen = !isSecureContext || "getDisplayMedia" in (navigator.mediaDevices ?? {});

/** A sentence about why a device could not be had, with what to do. @param {any} err @param {string} [device] */
export function why(err, device) {
  switch (err.name) {
    case "NotAllowedError":
      return `Your browser refused the ${device}. Allow it for this page in the address bar, then switch it on below.`;
    case "SecurityError":
      return "Browsers give camera, microphone and screen only to pages that come by https. Open this server by https; --tls self-signed serves it so for a try in your own network.";
    case "NotSupportedError":
      return `This browser gives no page the ${device}. Try another browser.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No ${device} was found.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${device} is used by another program. Close that one, then switch it on below.`;
    default:
      return `The ${device} could not be opened (${err.message}).`;
  }
}
