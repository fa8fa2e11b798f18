// Two Peers whose signals pass through the test, which may lose or refuse them.

import { Peer } from "/connector/peer.js";
import { equal, ok, test, until } from "./harness.js";

function wire({ lose = () => false } = {}) {
  const ends = {};
  const seen = [];
  const hub = (id, other) => ({
    id,
    iceServers: [],
    isOpen: true,
    RTCPeerConnection,
    freshIce: async () => {},
    shares: () => true,
    forget() {},
    send({ event, data }) {
      const copy = JSON.parse(JSON.stringify(data));
      seen.push([id, event, copy]);
      const verdict = lose(id, event, copy, seen);
      if (verdict) return typeof verdict === "object" && setTimeout(() => ends[id].refused(verdict));
      setTimeout(() => {
        if (event === "Offer") ends[other] ??= new Peer(hubs[other], id);
        ends[other]?.signal(event, copy);
      });
    },
  });
  const hubs = { a: null, b: null };
  hubs.a = hub("a", "b");
  hubs.b = hub("b", "a");
  const call = (id) => (ends[id] ??= new Peer(hubs[id], id === "a" ? "b" : "a"));
  return { ends, seen, hubs, call };
}

const refusal = { code: "Not_Delivered", data: { retry_after_ms: 20 } };
const first = (event) => {
  let done = false;
  return (id, e) => (e === event && !done ? (done = true) : false);
};
const over = ({ ends }) => Object.values(ends).forEach((p) => p.close());

test("an offer that was refused is sent again", async () => {
  const lost = first("Offer");
  const w = wire({ lose: (...args) => lost(...args) && refusal });
  const a = w.call("a");
  await a.connected;
  await w.ends.b.connected;
  equal(w.seen.filter(([, e]) => e === "Offer").length, 2);
  over(w);
});

test("an offer that was refused is sent again also while the path is up", async () => {
  let lost = () => false;
  const w = wire({ lose: (...args) => lost(...args) && refusal });
  const a = w.call("a");
  await a.connected;
  await w.ends.b.connected;
  lost = first("Offer");
  const track = w.ends.b.once("track");
  a.pc.addTransceiver("audio");
  equal((await track).track.kind, "audio");
  await until(() => a.pc.signalingState === "stable", "answered");
  over(w);
});

test("a resume sends again what may be lost: the offer", async () => {
  const w = wire({ lose: first("Offer") });
  const a = w.call("a");
  await until(() => w.seen.some(([, e]) => e === "Offer"), "offered");
  a.resync();
  await a.connected;
  over(w);
});

test("a resume sends again what may be lost: the answer", async () => {
  const w = wire({ lose: first("Answer") });
  const a = w.call("a");
  await until(() => w.seen.some(([, e]) => e === "Answer"), "answered");
  w.ends.b.resync();
  await a.connected;
  over(w);
});

test("an answer that comes twice, or to an older offer, does no harm", async () => {
  const w = wire();
  const a = w.call("a");
  await a.connected;
  const [, , answer] = w.seen.find(([, e]) => e === "Answer");
  let errors = 0;
  a.on("error", () => errors++);
  a.signal("Answer", answer);
  a.pc.restartIce();
  await until(() => w.seen.filter(([, e]) => e === "Offer").length === 2, "a second offer");
  a.signal("Answer", answer); // to the first offer
  await until(() => a.pc.signalingState === "stable" && a.pc.connectionState === "connected", "settled");
  equal([errors, a.state], [0, "connected"]);
  over(w);
});

test("candidates before the description are kept", async () => {
  const w = wire({ lose: () => true }); // the test carries the signals
  const a = w.call("a");
  await until(() => w.seen.some(([, e]) => e === "Candidate"), "a candidate");
  const b = new Peer(w.hubs.b, "a");
  const offer = w.seen.find(([id, e]) => id === "a" && e === "Offer")[2];
  const candidates = w.seen.filter(([id, e]) => id === "a" && e === "Candidate").map(([, , c]) => c);
  delete offer.call;
  for (const c of candidates) b.signal("Candidate", { candidate: c.candidate });
  b.signal("Offer", { description: offer.description, n: offer.n });
  ok(candidates.length > 0 && !offer.description.sdp.includes("a=candidate"), "the offer itself has none");
  const known = async () => [...(await b.pc.getStats()).values()].some((s) => s.type === "remote-candidate" && s.candidateType === "host");
  await until(known, "the candidate that came first is in use");
  over(w);
  b.close();
});

test("a description that does not fit is an error event, and does not end the call", async () => {
  const w = wire();
  const a = w.call("a");
  await a.connected;
  const error = a.once("error");
  a.signal("Offer", { description: { type: "offer", sdp: "nonsense" } });
  ok((await error) instanceof Error, "the event has an error");
  equal(a.state, "connected");
  over(w);
});

test("signals of a call that is over are ignored", async () => {
  const w = wire();
  const a = w.call("a");
  await a.connected;
  a.signal("Candidate", { bye: true, call: "another" });
  equal(a.state, "connected");
  const closed = w.ends.b.once("close");
  a.close();
  equal((await closed).reason, "closed");
});

test("of two calls at once the one with the smaller id gives way", async () => {
  for (let round = 0; round < 50; round++) { // one in a hundred once hung
    const w = wire();
    const [a, b] = [w.call("a"), w.call("b")];
    const [da, db] = [a.once("open"), b.once("open")];
    await Promise.all([a.connected, b.connected, da, db]);
    const answers = w.seen.filter(([, e]) => e === "Answer").map(([id]) => id);
    equal(answers, ["a"], "who answers");
    over(w);
  }
});
