// Our own microphone, camera and screen. At most one picture goes out: the
// screen while it is shared, else the camera.

// Each of us sends to every other, so pictures are of modest size.
const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 20 } };

export class Media {
  /** What goes out; every track is sent as part of this stream. */
  stream = new MediaStream();
  micOn = false;
  camOn = false;
  screenOn = false;

  #mic = null;
  #cam = null;
  #screen = null;
  #onchange;

  /** onchange(kind, track) is called when another track, or null, goes out for audio or video. */
  constructor(onchange) {
    this.#onchange = onchange;
  }

  /** What the others are told. */
  get said() {
    return { mic: this.micOn, cam: this.camOn, screen: this.screenOn };
  }

  get video() {
    return this.#screen ?? (this.camOn ? this.#cam : null);
  }

  /** Asks for camera and microphone, then for each alone. Returns a sentence when something is missing. */
  async start() {
    if (!navigator.mediaDevices) return "This browser gives cameras only to pages that come by https or from this computer.";
    try {
      this.#take(await navigator.mediaDevices.getUserMedia({ audio: true, video: size }));
      return "";
    } catch (both) {
      try {
        this.#take(await navigator.mediaDevices.getUserMedia({ audio: true }));
        return `${why(both, "camera")} The others hear you and see your name.`;
      } catch (err) {
        return `${why(err, "camera and microphone")} You see and hear the others and can write and send files.`;
      }
    }
  }

  async toggleMic() {
    if (!this.#mic) this.#take(await navigator.mediaDevices.getUserMedia({ audio: true }));
    else this.#mic.enabled = this.micOn = !this.micOn;
  }

  async toggleCam() {
    if (!this.#cam) return this.#take(await navigator.mediaDevices.getUserMedia({ video: size }));
    this.#cam.enabled = this.camOn = !this.camOn;
    if (!this.#screen) this.#out("video", this.camOn ? this.#cam : null);
  }

  async toggleScreen() {
    if (this.#screen) return this.#endScreen();
    const shared = await navigator.mediaDevices.getDisplayMedia({ video: true });
    [this.#screen] = shared.getVideoTracks();
    this.#screen.onended = () => this.#endScreen();
    this.screenOn = true;
    this.#out("video", this.#screen);
  }

  stop() {
    for (const track of [this.#mic, this.#cam, this.#screen]) track?.stop();
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    this.micOn = this.camOn = this.screenOn = false;
    this.#mic = this.#cam = this.#screen = null;
  }

  #endScreen() {
    this.#screen?.stop();
    this.#screen = null;
    this.screenOn = false;
    this.#out("video", this.video);
  }

  #take(stream) {
    const [mic] = stream.getAudioTracks();
    const [cam] = stream.getVideoTracks();
    if (mic) {
      this.#mic = mic;
      this.micOn = true;
      this.#out("audio", mic);
    }
    if (cam) {
      this.#cam = cam;
      this.camOn = true;
      if (!this.#screen) this.#out("video", cam);
    }
  }

  #out(kind, track) {
    for (const old of this.stream.getTracks()) if (old.kind === kind) this.stream.removeTrack(old);
    if (track) this.stream.addTrack(track);
    this.#onchange(kind, track);
  }
}

/** A sentence about why a device could not be had, with what to do. */
export function why(err, device) {
  switch (err.name) {
    case "NotAllowedError":
      return `Your browser refused the ${device}. Allow it for this page in the address bar, then switch it on below.`;
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
