// @ts-check
// The lobby: what the others will see and hear, the room and the name. A reason
// why joining failed stays until the next try.

import { guestName, roomName } from "../names.js";
import { announce } from "./announce.js";
import { $ } from "./dom.js";
import { why } from "./media.js";
import { name } from "./preferences.js";

export class Lobby {
  #media;
  #onjoin;
  #touched = false; // whether somebody has chosen what is on
  #ask = false; // whether the room was locked
  #opening = Promise.resolve(); // the devices that the browser is asked for

  /**
   * onjoin is called with what was typed and which devices are wanted.
   * @param {{media: import("./media.js").Media, onjoin: (wish: {room: string, name: string, mic: boolean, cam: boolean, ask: boolean}) => void, oncancel: () => void}} parts
   */
  constructor({ media, onjoin, oncancel }) {
    this.#media = media;
    this.#onjoin = onjoin;
    $("lobby-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.#opening;
      this.#join(this.#touched ? media.status : { mic: true, cam: true });
    });
    $("join-quiet").addEventListener("click", () => $("lobby-form").reportValidity() && this.#join({ mic: false, cam: false }));
    $("cancel").addEventListener("click", oncancel);
    $("lobby-room").addEventListener("input", () => this.#asks(false));
    $("lobby-mic").addEventListener("click", () => this.#toggle("mic", "microphone"));
    $("lobby-cam").addEventListener("click", () => this.#toggle("cam", "camera"));
    addEventListener("hashchange", () => this.shown && this.show());
  }

  get shown() {
    return !$("lobby").hidden;
  }

  /** Shows the lobby, and why the call is over or was never reached; ask: one can ask to join. */
  show(problem = "", ask = false) {
    $("lobby").hidden = false;
    document.body.classList.remove("calling");
    $("lobby-devices").append($("devices"));
    $("lobby-room").value = roomOfLink() || roomName();
    $("lobby-name").value ||= name.get() || guestName();
    $("plain-http").hidden = isSecureContext;
    document.title = `${$("lobby-room").value} · Peer2Peer Connector`;
    this.busy(false);
    this.#touched = false;
    this.problem(problem);
    this.#asks(ask);
  }

  problem(text) {
    $("lobby-problem").textContent = text;
  }

  /** While somebody joins there is only Cancel. */
  busy(joining) {
    const focused = $("lobby-form").contains(document.activeElement);
    for (const id of ["join", "join-quiet"]) $(id).hidden = joining;
    $("lobby-waits").hidden = true;
    $("cancel").textContent = "Cancel";
    for (const id of ["lobby-room", "lobby-name", "lobby-token"]) $(id).readOnly = joining;
    $("cancel").hidden = !joining;
    if (focused) $(joining ? "cancel" : "join").focus(); // a hidden button has no focus
  }

  /** While somebody waits to be admitted. */
  waits() {
    $("lobby-waits").hidden = false;
    $("cancel").textContent = "Stop waiting";
    document.title = `Waiting · ${$("lobby-room").value}`;
    announce($("lobby-waits").textContent);
  }

  #asks(yes) {
    this.#ask = yes;
    this.draw();
  }

  /** Opens the devices if the browser was allowed to before: it must not ask people who have only opened a link. */
  async preview() {
    if (!(await allowed())) return;
    if (!this.shown || this.#touched) return;
    this.#open(() => this.#media.start().then((notice) => ($("preview-notice").textContent = notice)));
  }

  /** Shows what is on. */
  draw() {
    if (!this.shown) return;
    const { shown, micOn, cam, mirrored } = this.#media;
    const video = $("preview-video");
    if (video.srcObject !== shown) video.srcObject = shown;
    $("preview").classList.toggle("seen", cam !== null);
    $("preview").classList.toggle("mirror", mirrored);
    const on = { mic: micOn, cam: cam !== null };
    for (const [slot, word] of [["mic", "Microphone"], ["cam", "Camera"]]) {
      $(`lobby-${slot}`).querySelector(".label").textContent = `${word} ${on[slot] ? "on" : "off"}`;
      $(`lobby-${slot}`).setAttribute("aria-pressed", String(on[slot]));
      $(`lobby-${slot}`).classList.toggle("off", !on[slot]);
    }
    const join = this.#ask ? "Ask to join" : "Join";
    $("join").textContent = this.#touched ? join : `${join} with camera`;
    $("join-quiet").textContent = `${join} with both off`;
    $("join-quiet").hidden = !$("cancel").hidden || (this.#touched && !on.mic && !on.cam);
  }

  #toggle(slot, word) {
    $("preview-notice").textContent = "";
    this.#open(() => this.#media.toggle(slot).catch((err) => ($("preview-notice").textContent = why(err, word))));
  }

  // open asks the browser for one thing after the other: a second click would open a
  // second camera.
  #open(devices) {
    this.#touched = true;
    this.#opening = this.#opening.then(devices).then(() => this.draw());
  }

  #join({ mic, cam }) {
    const wish = { room: $("lobby-room").value.trim(), name: $("lobby-name").value.trim(), mic, cam, ask: this.#ask };
    if (!wish.room || !wish.name) return;
    this.problem("");
    name.set(wish.name);
    history.replaceState(null, "", "#" + encodeURIComponent(wish.room));
    this.#onjoin(wish);
  }
}

/** The room that the page's address names, or "". */
export function roomOfLink() {
  try {
    return decodeURIComponent(location.hash.slice(1)).slice(0, 64);
  } catch {
    return "";
  }
}

// allowed: whether the browser opens camera and microphone without a question.
async function allowed() {
  try {
    const names = /** @type {any[]} */ (["camera", "microphone"]);
    const answers = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
    return isSecureContext && answers.every((a) => a.state === "granted");
  } catch {
    return false; // a browser that does not answer that
  }
}
