// @ts-check
// One file over one data channel of its own:
//
//   sender    {name, size, type}
//   receiver  {go: true} or {go: false}
//   sender    the bytes, in pieces, then {sha256}
//   receiver  {done: true, ok}
//
// Each is a Transfer: state is asking, running, done or failed; onchange is called
// whenever there is something new to show.

const maxSize = 1 << 30; // bytes; a page keeps it in memory or on the browser's disk
const maxHashed = 256 << 20; // bytes; the browser hashes only what is in memory at once
const piece = 64 << 10;
const high = 1 << 20; // bytes in the channel's buffer above which the sender waits
const low = 256 << 10;

class Transfer {
  state = "asking";
  problem = "";
  sha256 = "";
  at = 0; // bytes that are through
  onchange = () => {};

  /** @param {RTCDataChannel} channel @param {{name: string, size: number, type: string}} about the file */
  constructor(channel, { name, size, type }) {
    this.channel = channel;
    this.name = name;
    this.size = size;
    this.type = type;
    channel.binaryType = "arraybuffer";
    channel.onclose = () => this.fail("The connection ended before the file was through.");
  }

  cancel() {
    this.fail("Cancelled.");
  }

  fail(problem) {
    if (this.state === "done" || this.state === "failed") return;
    this.become("failed", problem);
    this.channel.close();
  }

  become(state, problem = "") {
    this.state = state;
    this.problem = problem;
    this.onchange();
  }
}

/** Offers file on a channel that this side made. */
export class Sending extends Transfer {
  outgoing = true;
  #file;

  constructor(channel, file) {
    super(channel, { name: file.name, size: file.size, type: file.type });
    this.#file = file;
    channel.bufferedAmountLowThreshold = low;
    channel.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    const offer = () => channel.send(JSON.stringify({ name: this.name, size: this.size, type: this.type }));
    if (channel.readyState === "open") offer();
    else channel.onopen = offer;
  }

  #receive(message) {
    if (message.go === false) return this.fail("Not wanted.");
    if (message.go && this.state === "asking") this.#run().catch((err) => this.fail(`The file could not be sent: ${err.message}`));
    if (message.done && this.state === "running") {
      if (!message.ok) return this.fail("It arrived damaged. Send it again.");
      this.at = this.size;
      this.become("done");
    }
  }

  async #run() {
    this.become("running");
    for (let at = 0; at < this.size && this.state === "running"; at += piece) {
      const bytes = await this.#file.slice(at, at + piece).arrayBuffer();
      if (this.channel.bufferedAmount > high) await this.#drained();
      if (this.state !== "running") return;
      this.channel.send(bytes);
      this.at = Math.max(0, at + bytes.byteLength - this.channel.bufferedAmount);
      this.onchange();
    }
    this.sha256 = await hash(this.#file);
    this.channel.send(JSON.stringify({ sha256: this.sha256 }));
  }

  #drained() {
    return new Promise((resolve) => {
      this.channel.addEventListener("bufferedamountlow", resolve, { once: true });
      this.channel.addEventListener("close", resolve, { once: true });
    });
  }
}

/** What the other side offers on a channel that it made. */
export class Receiving extends Transfer {
  outgoing = false;
  file = null; // a Blob when done
  #parts = [];

  /** Resolves with a Receiving when the offer is here. */
  static async from(channel) {
    channel.binaryType = "arraybuffer";
    const offer = await new Promise((resolve, reject) => {
      channel.onmessage = ({ data }) => resolve(JSON.parse(data));
      channel.onclose = () => reject(new Error("closed"));
    });
    return new Receiving(channel, { name: String(offer.name).slice(0, 200), size: Number(offer.size), type: String(offer.type) });
  }

  constructor(channel, about) {
    super(channel, about);
    channel.onmessage = ({ data }) => this.#receive(data);
    if (!(this.size >= 0 && this.size <= maxSize)) this.refuse("It is too big to be received in a page.");
  }

  accept() {
    this.become("running");
    this.channel.send('{"go":true}');
  }

  refuse(problem = "Declined.") {
    this.channel.send('{"go":false}');
    this.become("failed", problem);
  }

  #receive(data) {
    if (this.state !== "running") return;
    if (typeof data === "string") {
      this.#finish(JSON.parse(data)).catch((err) => this.fail(err.message));
      return;
    }
    this.at += data.byteLength;
    if (this.at > this.size) return this.fail("More came than was announced.");
    this.#parts.push(data);
    this.onchange();
  }

  async #finish({ sha256 }) {
    this.file = new Blob(this.#parts, { type: "application/octet-stream" }); // never shown, only saved
    this.#parts = [];
    this.sha256 = await hash(this.file);
    const ok = this.at === this.size && (!sha256 || !this.sha256 || sha256 === this.sha256);
    this.channel.send(JSON.stringify({ done: true, ok }));
    if (ok) this.become("done");
    else this.become("failed", "It arrived damaged. Ask for it again.");
  }
}

/** SHA-256 in hex, or "" where the browser cannot tell (plain http, or too big). */
async function hash(blob) {
  if (!globalThis.crypto?.subtle || blob.size > maxHashed) return "";
  const sum = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
