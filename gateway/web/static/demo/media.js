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
  #stay = 0; // counts the stops, so that what the browser opens too late is closed
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
    try {
      await this.#open({ audio: true, video: size });
      return "";
    } catch (both) {
      if (both.name === "SecurityError") return `${why(both)} You see and hear the others and can write and send files.`;
      try {
        await this.#open({ audio: true });
        return `${why(both, "camera")} The others hear you and see your name.`;
      } catch (err) {
        return `${why(err, "camera and microphone")} You see and hear the others and can write and send files.`;
      }
    }
  }

  async toggleMic() {
    if (!this.#mic) await this.#open({ audio: true });
    else this.#mic.enabled = this.micOn = !this.micOn;
  }

  // toggleCam closes the camera when it is switched off, since its light is what
  // people trust; a track that is only disabled leaves it on.
  async toggleCam() {
    if (!this.#cam) return this.#open({ video: size });
    this.#cam.stop();
    this.#cam = null;
    this.camOn = false;
    if (!this.#screen) this.#out("video", null);
  }

  async toggleScreen() {
    if (this.#screen) return this.#endScreen();
    const stay = this.#stay;
    const shared = await devices("getDisplayMedia").getDisplayMedia({ video: true });
    if (stay !== this.#stay) return close(shared);
    [this.#screen] = shared.getVideoTracks();
    this.#screen.onended = () => this.#endScreen();
    this.screenOn = true;
    this.#out("video", this.#screen);
  }

  stop() {
    this.#stay++;
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

  async #open(what) {
    const stay = this.#stay;
    const stream = await devices("getUserMedia").getUserMedia(what);
    if (stay !== this.#stay) return close(stream);
    this.#take(stream);
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

function close(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// devices is navigator.mediaDevices, which has what is asked for.
function devices(method) {
  if (!isSecureContext) throw new DOMException("this page came by plain http", "SecurityError");
  if (!navigator.mediaDevices?.[method]) throw new DOMException(`no ${method} here`, "NotSupportedError");
  return navigator.mediaDevices;
}

/** A sentence about why a device could not be had, with what to do. */
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
