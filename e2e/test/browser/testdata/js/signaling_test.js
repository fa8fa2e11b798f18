// Signaling alone: its answers to single signals, and a simulation of two sides
// whose signals are lost, late and refused. Whatever happened, once no more signals
// are lost both sides are connected with each other and send nothing more.

import { Signaling } from "/connector/signaling.js";
import { equal, test } from "./harness.js";
import { Simulation } from "./callsim.js";

function side(own = 10, polite = true) {
  let n = own;
  const s = new Signaling({ own, polite, next: () => ++n, random: () => 0.5 });
  const sent = (input) => s.step(input).filter((e) => e.do === "send").map(({ event, data }) => [event, data]);
  const does = (input) => s.step(input).map((e) => e.do);
  return { s, sent, does };
}

const offer = (more) => ({ kind: "signal", event: "Offer", data: { description: { type: "offer", sdp: "" }, ...more } });
const answer = (more) => ({ kind: "signal", event: "Answer", data: { description: { type: "answer", sdp: "" }, ...more } });
const sync = (more) => ({ kind: "signal", event: "Candidate", data: more });

// A side that is connected after it took the offer 6 of their generation 5.
function connected(polite = true) {
  const x = side(10, polite);
  equal(x.does(offer({ call: 5, n: 6 })), ["take"]);
  equal(x.sent({ kind: "taken" }), [["Answer", { re: 6, call: 10, with: 5 }]]);
  x.does({ kind: "path", to: "up" });
  return x;
}

test("a refused signal does not end a call that is connected, and goes again when the other side is seen", () => {
  for (const code of ["Not_Found", "Not_Delivered"]) {
    const x = connected();
    equal(x.sent({ kind: "resumed" }), [["Answer", { re: 6, call: 10, with: 5 }]]);
    equal(x.does({ kind: "refused", code, shares: false }), ["timer"], code);
    equal(x.s.state, "connected", code);
    equal(x.sent({ kind: "seen" }), [["Answer", { re: 6, call: 10, with: 5 }]], code);
    equal(x.sent({ kind: "seen" }), [], "seen again");
  }
});

test("a call to nobody ends; one to a member that is away goes on trying", () => {
  const nobody = side();
  nobody.does({ kind: "needed" });
  nobody.does({ kind: "made", offer: true });
  equal(nobody.does({ kind: "refused", code: "Not_Found", shares: false }), ["cancel", "state", "finish"]);
  const away = side();
  away.does({ kind: "needed" });
  away.does({ kind: "made", offer: true });
  for (let i = 0; i < 50; i++) {
    away.does({ kind: "refused", code: "Not_Found", shares: true });
    equal(away.sent({ kind: "tick", open: true, shares: true }).length, 1, `try ${i}:`);
  }
});

test("a peer that is there and does not answer is given up, and its next signal begins anew", () => {
  const x = side();
  x.does({ kind: "needed" });
  x.does({ kind: "made", offer: true });
  for (let i = 0; i < 6; i++) equal(x.sent({ kind: "tick", open: true, shares: true }).length, 1, `try ${i}:`);
  equal(x.does({ kind: "tick", open: true, shares: true }), ["state"]);
  equal(x.s.state, "failed");
  equal(x.sent(sync({ call: 5 })).map(([event]) => event), ["Offer"]);
  equal(x.s.state, "reconnecting");
});

test("a tick without a connection to the server is not a try", () => {
  const x = side();
  x.does({ kind: "needed" });
  x.does({ kind: "made", offer: true });
  for (let i = 0; i < 50; i++) equal(x.does({ kind: "tick", open: false, shares: true }), ["timer"]);
  equal(x.s.state, "connecting");
});

test("an offer that comes twice gets the same answer and is not set again", () => {
  const x = connected();
  equal(x.does(offer({ call: 5, with: 10, n: 6 })), ["send"]);
  equal(x.does(offer({ call: 5, with: 10, n: 4 })), [], "an older one");
  equal(x.does(offer({ call: 5, with: 10, n: 7 })), ["take"], "a newer one");
});

test("an answer of a new generation to our first offer is taken", () => {
  const x = side(10);
  x.does({ kind: "needed" });
  const [[, { n }]] = x.sent({ kind: "made", offer: true });
  x.does(sync({ call: 5, candidate: {} }));
  equal(x.does(answer({ call: 8, with: 10, re: n })), ["apply"]);
});

test("of generations the newer wins", () => {
  equal(connected().does(offer({ call: 7, n: 8 })), ["cancel", "state", "renew"], "theirs is newer");
  equal(connected().does(sync({ call: 7 })), ["cancel", "state", "renew"], "and any signal shows it");
  equal(connected().sent(offer({ call: 4, n: 3 })), [["Candidate", { call: 10, with: 5 }]], "theirs is older: they learn of the newer");
  equal(connected().sent(sync({ call: 5, with: 9 })), [["Answer", { re: 6, call: 10, with: 5 }]], "meant for an older one of ours");
  const [, , renew] = connected().s.step(sync({ call: 5, with: 20 }));
  equal([renew.do, renew.least > 20, renew.signals], ["renew", true, []], "meant for a newer one than ours");
});

test("what renews gets the signal that showed it, and those that wait", () => {
  const x = side();
  x.does(offer({ call: 5, n: 6 })); // and the description is being set
  const [first, second] = [offer({ call: 7, n: 8 }), sync({ call: 7, candidate: {} })];
  equal([x.does(first), x.does(second)], [[], []]);
  const renew = x.s.step({ kind: "taken" }).find((e) => e.do === "renew");
  equal(renew.signals, [first, second].map(({ event, data }) => ({ event, data })));
});

test("a hang-up counts for its generation only", () => {
  equal(connected().does(sync({ call: 4, with: 10, bye: true })), [], "an older one's");
  equal(connected().does(sync({ call: 5, with: 9, bye: true })), [], "to an older one");
  equal(connected().does(sync({ call: 5, with: 10, bye: true })), ["cancel", "state", "finish"]);
  equal(connected().does(sync({ call: 7, bye: true })), ["cancel", "state", "finish"], "a newer one that is over already");
});

test("glare: the polite side takes their offer, the other ignores it", () => {
  for (const polite of [true, false]) {
    const x = side(10, polite);
    x.does({ kind: "needed" });
    x.does({ kind: "made", offer: true });
    equal(x.does(offer({ call: 5, n: 6 })), polite ? ["take"] : [], `polite: ${polite}`);
  }
});

test("signals with nonsense in them do no harm", () => {
  const odd = [null, -1, 1.5, NaN, Infinity, {}, [], "", "x", true, 2 ** 60];
  for (const value of odd) {
    for (const name of ["call", "with", "n", "re", "description", "candidate"]) {
      for (const event of ["Offer", "Answer", "Candidate"]) {
        const x = connected();
        x.does({ kind: "signal", event, data: { [name]: value } });
        if (x.s.state !== "closed") equal(x.does({ kind: "path", to: "broken" }), ["state", "timer"], `${event} ${name} ${value}:`);
      }
    }
  }
});

test("signals that wait are bounded", () => {
  const x = side();
  x.does(offer({ call: 5, n: 6 }));
  for (let i = 0; i < 10_000; i++) x.does(sync({ call: 5, candidate: { i } }));
  equal(x.does({ kind: "taken" }).length, 1 + 320);
});

const runs = 2_000;

test(`simulation: ${runs} calls with loss, refusals and absences end connected and quiet`, () => {
  for (let seed = 1; seed <= runs; seed++) {
    const w = new Simulation(seed);
    w.disturb();
    w.calm();
    equal(w.faults(), [], `seed ${seed}:\n${w.log.slice(-120).join("\n")}\n`);
  }
});
