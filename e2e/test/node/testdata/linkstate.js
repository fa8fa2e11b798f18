// LinkState without a browser, sockets or time: each row of its table, and a walk through
// sequences of inputs, which looks at what must always hold.

import assert from "node:assert/strict";
import { LinkState } from "./connector/linkstate.js";

const details = (more) => ({ kind: "received", frame: { type: "info", event: "Client_Details", data: { id: "me", session: "s", ...more } } });
const refused = (event) => ({ kind: "received", frame: { type: "error", event, id: "resume", data: { message: "no" } } });
const inputs = {
  retry: { kind: "retry" }, online: { kind: "online" }, leave: { kind: "leave" }, back: { kind: "back" },
  dialed: { kind: "dialed" }, noToken: { kind: "noToken", error: new Error("none") }, undialable: { kind: "undialable", error: new Error("never") },
  opened: { kind: "opened" }, failed: { kind: "failed" }, greet: details(), resumed: details({ resumed: true }),
  lost: refused("Not_Found"), unavailable: refused("Unavailable"), nothing: { kind: "received" },
  drain: { kind: "received", frame: { type: "info", event: "Server_Draining", data: { reconnect_after_ms: 100 } } },
  broken: { kind: "closed", code: 1006 }, taken: { kind: "closed", code: 4002 }, late: { kind: "late" }, probe: { kind: "probe" },
  limit: { kind: "limit" }, close: { kind: "close" },
};
const options = { urls: ["ws://one/", "ws://two/"], freshTokens: false, backoff: { random: () => 0.5 } };

// World carries the effects out, as far as they can be seen.
class World {
  state = new LinkState(options);
  timers = new Set();
  sockets = 0;
  dialing = false;
  events = [];
  written = [];
  now = 0;

  step(name) {
    const before = this.state.phase;
    const input = name === "begin" ? { kind: "begin" } : inputs[name];
    if (["retry", "late", "probe", "limit"].includes(name)) {
      if (!this.timers.delete(name)) return false; // it does not run
    }
    if (["dialed", "noToken", "undialable"].includes(name)) {
      if (!this.dialing) return false;
      this.dialing = false;
      if (name === "dialed") this.sockets++;
    }
    const socketSpeaks = input.kind === "received" || ["opened", "failed", "closed"].includes(input.kind);
    if (socketSpeaks && this.sockets === 0) return false;
    for (const e of this.state.step(input, this.now++)) this.effect(e, before);
    return true;
  }

  effect(e, before) {
    assert.notEqual(before, "closed", `${e.do} after the end`);
    if (e.do === "dial") {
      assert.equal(this.sockets, 0, "a second socket");
      this.dialing = true;
    } else if (e.do === "drop") {
      this.sockets = 0;
      this.dialing = false;
    } else if (e.do === "timer") this.timers.add(e.timer);
    else if (e.do === "cancel") this.timers.delete(e.timer);
    else if (e.do === "write") this.written.push(e.frame);
    else if (e.do === "emit") this.events.push(e.name);
    else if (e.do === "ready") this.events.push("ready");
  }

  // check is what holds after every step: something always leads on.
  check(path) {
    const { phase, state } = this.state;
    const connected = ["opening", "resuming", "open"].includes(phase);
    const about = `${path.join(" ")}: ${phase}`;
    assert.equal(this.sockets === 1, connected, `${about}: a socket`);
    assert.equal(this.dialing, phase === "dialing", `${about}: an attempt`);
    assert.equal(this.timers.has("retry"), phase === "waiting", `${about}: the timer retry`);
    if (phase !== "open") assert.equal(this.timers.has("late"), connected || phase === "dialing", `${about}: the timer late`);
    const idle = phase === "away" || phase === "closed";
    if (idle || this.state.id) assert.ok(!this.timers.has("limit"), `${about}: the timer limit runs`);
    else if (!this.events.includes("ready")) assert.ok(this.timers.has("limit"), `${about}: the timer limit does not run`);
    if (this.timers.has("probe")) assert.equal(phase, "open", `${about}: the timer probe`);
    if (phase === "closed") assert.deepEqual([this.timers.size, state], [0, "closed"], about);
    assert.equal(this.events.filter((name) => name === "closed").length, phase === "closed" ? 1 : 0, `${about}: closed, once`);
    assert.equal(state === "open", phase === "open", `${about}: ${state}`);
  }
}

function walk(path) {
  const w = new World();
  for (const name of ["begin", ...path]) if (!w.step(name)) return undefined;
  w.check(path);
  return w;
}

// Each row of the table in linkstate.js.
const open = ["dialed", "opened", "greet"];
const again = [...open, "broken", "retry", "dialed"];
for (const [path, want] of [
  [[], "dialing"], [["dialed"], "opening"], [["noToken"], "waiting"], [["late"], "waiting"], [["leave", "back"], "dialing"], [["undialable"], "closed"], [["noToken", "retry"], "dialing"],
  [["noToken", "online"], "dialing"], [["dialed", "opened"], "opening"], [open, "open"], [[...open, "nothing"], "open"],
  [[...open, "broken"], "waiting"], [[...open, "taken"], "closed"], [[...open, "online", "probe"], "waiting"], [[...open, "failed", "late"], "waiting"],
  [[...open, "leave"], "away"], [[...open, "leave", "back"], "dialing"], [[...open, "leave", "online"], "away"], [[...open, "close"], "closed"],
  [again, "opening"], [[...again, "opened"], "resuming"], [[...again, "opened", "greet"], "resuming"], [[...again, "opened", "resumed"], "open"],
  [[...again, "opened", "greet", "lost"], "open"], [[...again, "opened", "unavailable"], "waiting"], [[...again, "opened", "late"], "waiting"],
  [["leave", "limit"], undefined], [["leave", "back", "limit"], "closed"], [["limit"], "closed"], [["dialed", "limit"], "closed"], [[...open, "close", "back"], "closed"],
]) {
  assert.equal(walk(path)?.state.phase, want, path.join(" "));
}
assert.equal(walk([...open, "limit"]), undefined, "the limit ends with the first greeting");
assert.deepEqual(walk([...again, "opened"]).written, [{ event: "Resume", id: "resume", data: { session: "s", received: 1 } }]);
assert.deepEqual(walk([...again, "opened", "broken", "retry", "dialed", "opened"]).written[1].data, { session: "s", received: 1 }, "the same token, the same count");
// A page that was loaded anew has the count of the page before. Without one it says 0: the server takes an
// earlier token only with a count, and a page that was left just after a join may not have the newest.
for (const [received, want] of [[undefined, 0], [7, 7]]) {
  const reloaded = new World();
  reloaded.state = new LinkState({ ...options, session: "of the page before", received });
  for (const name of ["begin", "dialed", "opened"]) reloaded.step(name);
  assert.deepEqual(reloaded.written[0].data, { session: "of the page before", received: want }, `after ${received}`);
}
// What a page hands on when it is left in a phase: the count belongs to the connection of its session.
for (const [path, want] of [
  [["dialed"], ["", 0]], [open, ["s", 1]], [[...open, "nothing"], ["s", 2]], [[...open, "nothing", "broken"], ["s", 2]],
  [[...open, "nothing", ...again.slice(3), "opened"], ["s", 2]], [[...open, "nothing", ...again.slice(3), "opened", "greet", "nothing"], ["s", 2]],
  [[...open, "nothing", ...again.slice(3), "opened", "greet", "resumed"], ["s", 2]], [[...open, "nothing", ...again.slice(3), "opened", "resumed"], ["s", 1]],
  [[...again, "opened", "broken"], ["s", 1]], [[...again, "opened", "greet", "unavailable"], ["s", 1]],
]) {
  const { session, received } = walk(path).state;
  assert.deepEqual([session, received], want, path.join(" "));
}
assert.equal(walk([...open, "drain", "broken"]).state.url, "ws://two/");

// All sequences of a length from three phases. What cannot happen has no continuation.
let walked = 0;
const length = 4;
function search(start, path) {
  if (!walk([...start, ...path])) return;
  walked++;
  if (path.length < length) for (const name of Object.keys(inputs)) search(start, [...path, name]);
}
for (const start of [[], open, [...again, "opened"]]) search(start, []);
assert.ok(walked > 10_000, `only ${walked} sequences`);
