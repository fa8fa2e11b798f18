// A simulation of two pages in a call, with its own clock and all randomness from a
// seed: their RTCPeerConnections, the server between them, and the faults.

import { Signaling } from "/connector/signaling.js";

const ids = ["a", "b"];
const other = { a: "b", b: "a" };
const disturbance = 120_000; // ms during which faults happen
const quiet = 240_000; // ms after that until the call must have recovered, and
const last = 60_000; // ms at the end of it during which nothing may be sent

export class Simulation {
  now = 0;
  log = [];
  pages = {};
  sentAt = 0;
  calmAt = Infinity;
  #events = [];
  #order = 0;
  #seed;

  constructor(seed) {
    this.#seed = seed;
    this.loss = this.random() * 0.4;
    this.late = this.random() < 0.5 ? 50 : 3_000; // most ms that a signal takes, so that some overtake others
    for (const id of ids) this.pages[id] = new Page(this, id);
  }

  // mulberry32
  random = () => {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };

  after(ms, run) {
    const event = { at: this.now + ms, order: this.#order++, run };
    this.#events.push(event);
    return event;
  }

  note(...what) {
    this.log.push(`${(this.now / 1000).toFixed(2)} ${what.join(" ")}`);
  }

  runTo(end) {
    for (;;) {
      let at = -1;
      this.#events.forEach((e, i) => {
        const first = this.#events[at];
        if (at < 0 || e.at < first.at || (e.at === first.at && e.order < first.order)) at = i;
      });
      if (at < 0 || this.#events[at].at > end) break;
      const [event] = this.#events.splice(at, 1);
      this.now = event.at;
      if (!event.cancelled) event.run();
    }
    this.now = end;
  }

  /** Begins the call and injects faults for a while. */
  disturb() {
    const both = this.random() < 0.5;
    this.pages.a.call();
    if (both) this.after(this.random() * 100, () => this.pages.b.call());
    for (let i = 0; i < 8; i++) this.after(this.random() * disturbance, () => this.#fault());
    this.runTo(disturbance);
  }

  /** Ends all faults: both pages are there, and the server loses nothing any more. */
  calm() {
    this.loss = 0;
    this.calmAt = this.now;
    const back = this.random() < 0.5 ? ids : [...ids].reverse();
    for (const id of back) this.after(this.random() * 10_000, () => this.pages[id].resume());
    this.runTo(this.now + quiet);
  }

  #fault() {
    const page = this.pages[ids[Math.floor(this.random() * 2)]];
    const kind = Math.floor(this.random() * 6);
    switch (kind) {
      case 0: // the gateway of both dies; they reconnect in any order
      case 1:
        for (const p of Object.values(this.pages)) p.leave();
        for (const p of Object.values(this.pages)) this.after(this.random() * 15_000, () => p.resume());
        return;
      case 2:
        page.leave();
        return void this.after(this.random() * 15_000, () => page.resume());
      case 3:
        return page.addTrack();
      case 4:
        return page.breakPath();
      case 5:
        return page.reload();
    }
  }

  /** Returns what is not as it should be. */
  faults() {
    const all = [];
    for (const id of ids) {
      const { peer } = this.pages[id];
      if (!peer) all.push(`${id} has no call`);
      else if (peer.signaling.state !== "connected" || peer.signaling.phase !== "idle") all.push(`${id} is ${peer.signaling.state}, ${peer.signaling.phase}`);
      else if (peer.pc.remote?.pc !== this.pages[other[id]].peer?.pc) all.push(`${id} is connected to a generation that is over`);
      else if (peer.pc.tracks > peer.pc.negotiated) all.push(`${id} has a track that was not negotiated`);
    }
    if (this.sentAt > this.now - last) all.push(`a signal was sent at ${this.sentAt}`);
    return all;
  }

  /** Carries a signal, loses it, or refuses it. */
  carry(from, event, data) {
    this.sentAt = this.now;
    const page = this.pages[from];
    const id = other[from];
    this.note(from, ">", event, JSON.stringify({ ...data, description: data.description?.type }));
    if (!page.online) {
      if (this.random() < 0.5) page.held.push([event, data]); // in the page's queue; else lost with the broken connection
      return;
    }
    if (this.random() < this.loss) return;
    this.after(1 + this.random() * this.late, () => {
      if (this.pages[id].online) return this.pages[id].signal(event, data);
      if (this.random() < 0.3) return; // in transit when the gateway died
      const code = this.random() < 0.7 ? "Not_Found" : "Not_Delivered";
      this.after(1 + this.random() * 20, () => page.online && page.peer?.run({ kind: "refused", code, shares: true }));
    });
  }
}

// Page is one side: its connection to the server and its Peer, as in client.js.
class Page {
  online = true;
  held = [];
  peer = null;
  #drawn = 0;
  #clock; // how far the page's clock is ahead of the simulation's

  constructor(sim, id) {
    this.sim = sim;
    this.id = id;
    this.#clock = 1e12 + Math.floor(sim.random() * 1e6);
  }

  next = () => (this.#drawn = Math.max(this.#drawn + 1, this.#clock + Math.floor(this.sim.now)));

  call(least = 0) {
    this.peer ??= new Peer(this, Math.max(this.next(), least));
    return this.peer;
  }

  signal(event, data) {
    this.sim.note(this.id, "<", event);
    if (!this.peer && event === "Offer") this.call();
    this.peer?.run({ kind: "signal", event, data: structured(data) });
  }

  leave() {
    this.sim.note(this.id, "is away");
    this.online = false;
  }

  resume() {
    if (this.online && this.sim.now < this.sim.calmAt) return;
    this.sim.note(this.id, "is back");
    this.online = true;
    this.peer?.run({ kind: "resumed" });
    for (const [event, data] of this.held.splice(0)) this.sim.carry(this.id, event, data);
  }

  addTrack() {
    if (!this.peer) return;
    this.peer.pc.tracks++;
    this.peer.pc.needed();
  }

  breakPath() {
    this.sim.note(this.id, "path breaks");
    this.peer?.pc.breakPath();
  }

  // reload starts the page anew with its session; its clock may have been set back.
  reload() {
    this.sim.note(this.id, "reloads");
    this.peer?.end();
    this.peer = null;
    this.#drawn = 0;
    if (this.sim.random() < 0.3) this.#clock -= Math.floor(this.sim.random() * 120_000);
    this.call();
  }
}

const structured = (data) => ({ ...data });

// Peer runs effects as peer.js does.
class Peer {
  constructor(page, own) {
    this.page = page;
    this.sim = page.sim;
    this.signaling = new Signaling({ own, polite: page.id < other[page.id], next: page.next, random: page.sim.random });
    this.pc = new FakeConnection(this);
    this.sim.note(page.id, "makes generation", own);
    this.run({ kind: "begin" });
    this.pc.needed(); // for the data channel
  }

  run(input) {
    for (const effect of this.signaling.step(input)) this.#effect(effect);
  }

  #effect(effect) {
    const { pc, page, sim } = this;
    switch (effect.do) {
      case "offer":
        return this.#work({ kind: "made", offer: true }, () => pc.makeOffer());
      case "take":
        return this.#work({ kind: "taken" }, () => pc.takeOffer(effect.description));
      case "apply":
        return this.#work({ kind: "applied" }, () => pc.setRemote(effect.description));
      case "candidate":
        return pc.learn(effect.candidate);
      case "restart":
        return void sim.after(1, () => pc.restartIce());
      case "send": {
        const description = effect.event === "Offer" ? pc.pending : effect.event === "Answer" ? pc.current : undefined;
        sim.carry(page.id, effect.event, { ...effect.data, description });
        if (effect.event !== "Candidate") sim.after(sim.random() * 50, () => this.#trickle(description));
        return;
      }
      case "timer":
        if (this.timer) this.timer.cancelled = true;
        this.timer = sim.after(effect.ms, () => this.run({ kind: "tick", open: page.online, shares: true }));
        return;
      case "cancel":
        if (this.timer) this.timer.cancelled = true;
        return;
      case "renew": {
        this.end();
        page.peer = null;
        const next = page.call(effect.least);
        for (const { event, data } of effect.signals) next.run({ kind: "signal", event, data });
      }
    }
  }

  #trickle(description) {
    description.found = true; // a description that is sent again has its candidates
    if (!this.pc.closed) this.sim.carry(this.page.id, "Candidate", this.signaling.stamp({ candidate: { ice: description.ice } }));
  }

  #work(done, change) {
    const { sim, pc } = this;
    sim.after(sim.random() * 30, () => {
      if (pc.closed) return;
      let input = done;
      try {
        change();
      } catch (error) {
        sim.note(this.page.id, "fails", error.message);
        input = { kind: "failed", error, offering: pc.pending !== null };
      }
      this.run(input);
      if (!pc.pending) pc.checkNegotiation();
    });
  }

  end() {
    if (this.timer) this.timer.cancelled = true;
    this.pc.close();
  }
}

// FakeConnection behaves like an RTCPeerConnection as far as signaling can see: it
// connects to one other only, and a path exists once both have set descriptions of
// the same restart and one side knows a candidate of the other.
class FakeConnection {
  pending = null;
  current = null;
  remote = null; // the description that is set
  tracks = 1;
  negotiated = 0;
  closed = false;
  up = false;
  ice = 1;
  known = 0; // the newest ice of the other side of which a candidate is known
  #needed = false;

  constructor(peer) {
    this.peer = peer;
    this.sim = peer.sim;
  }

  needed() {
    this.#needed = true;
    this.sim.after(0, () => this.checkNegotiation());
  }

  // checkNegotiation reports that negotiation is needed, as browsers do when the state is
  // stable.
  checkNegotiation() {
    if (this.closed || this.pending || !this.#needed) return;
    this.#needed = false;
    this.peer.run({ kind: "needed" });
  }

  makeOffer() {
    this.pending = { type: "offer", pc: this, ice: this.ice, tracks: this.tracks };
  }

  takeOffer(description) {
    this.setRemote(description);
    if (this.pending) this.#needed = true; // rolled back
    this.pending = null;
    this.current = { type: "answer", pc: this, ice: this.ice, tracks: 0 };
  }

  setRemote(description) {
    if (description.type === "answer" && !this.pending) throw new Error("an answer to nothing");
    if (this.remote && this.remote.pc !== description.pc) throw new Error("another certificate");
    if (description.type === "answer") {
      this.current = this.pending;
      this.pending = null;
      this.negotiated = Math.max(this.negotiated, this.current.tracks);
    } else if (this.remote && description.ice > this.remote.ice) this.ice++; // an answer to a restart restarts ICE too
    this.remote = description;
    if (description.found) this.known = Math.max(this.known, description.ice);
    this.sim.after(100, () => this.#look());
  }

  learn({ ice }) {
    this.known = Math.max(this.known, ice);
    this.sim.after(100, () => this.#look());
  }

  restartIce() {
    this.ice++;
    this.needed();
  }

  breakPath() {
    for (const pc of [this, this.remote?.pc]) pc?.down();
  }

  down() {
    if (!this.up) return;
    this.up = false;
    this.broken = this.ice;
    this.peer.run({ kind: "path", to: "broken" });
    this.sim.after(5_000, () => !this.closed && !this.up && this.peer.run({ kind: "path", to: "failed" }));
  }

  #look() {
    const there = this.remote?.pc;
    const fits = there && !this.closed && !there.closed && there.remote?.pc === this && this.current && there.current;
    if (!fits || this.remote.ice !== there.current.ice || there.remote.ice !== this.current.ice) return;
    if (this.known < this.remote.ice && there.known < there.remote.ice) return;
    for (const pc of [this, there]) {
      if (pc.up || (pc.broken ?? 0) >= pc.current.ice) continue;
      pc.up = true;
      pc.peer.run({ kind: "path", to: "up" });
    }
  }

  close() {
    this.closed = true;
    const there = this.remote?.pc;
    if (there?.remote?.pc === this) this.sim.after(1_000, () => there.closed || there.down());
  }
}
