import { Pacer, Rotation, afterClose, backoff, resumeFrame, socketURL } from "/connector/timing.js";
import { Strangers } from "/connector/strangers.js";
import { equal, ok, test } from "./harness.js";

test("backoff doubles its ceiling up to the cap", () => {
  const most = (n) => backoff(n, { base: 100, cap: 1_000, random: () => 1 });
  equal([0, 1, 2, 3, 4, 40].map(most), [100, 200, 400, 800, 1_000, 1_000]);
});

test("backoff is full jitter", () => {
  equal(backoff(3, { random: () => 0 }), 0);
  equal(backoff(3, { base: 100, random: () => 0.5 }), 400);
  const drawn = new Set(Array.from({ length: 50 }, () => backoff(6)));
  ok(drawn.size > 10, "chance decides");
});

test("what a close code means", () => {
  for (const code of [1001, 1005, 1006, 1009, 1011, 1013, 1008, 1003]) ok(afterClose(code).again, `again after ${code}`);
  for (const code of [1000, 4001, 4002]) ok(!afterClose(code).again, `not again after ${code}`);
  ok(afterClose(4001).freshToken, "4001 may go on with a fresh token");
  equal([1001, 1013, 1008].map((c) => afterClose(c).least), [0, 1_000, 5_000]);
});

test("rotation goes around", () => {
  const r = new Rotation(["a", "b", "c"]);
  equal([r.current, r.next(), r.next(), r.next()], ["a", "b", "c", "a"]);
});

test("the pacer keeps the rate over time, with a burst", () => {
  const p = new Pacer(100, 0);
  let now = 0;
  let sent = 0;
  while (p.take(now) === 0) sent++;
  equal(sent, 45, "burst of half a second");
  for (; now < 10_000; now++) if (p.take(now) === 0) sent++;
  ok(sent > 900 && sent <= 100 * 10 + 45, `${sent} frames in 10 s at 100 a second`);
});

test("the pacer says how long to wait, and that is enough", () => {
  const p = new Pacer(10, 0);
  while (p.take(0) === 0);
  const wait = p.take(0);
  ok(wait > 0 && wait <= 112, `wait ${wait}`);
  equal(p.take(wait), 0);
});

test("no limit means no wait", () => {
  const p = new Pacer(0, 0);
  for (let i = 0; i < 10_000; i++) equal(p.take(0), 0);
});

test("a clock that goes back does no harm", () => {
  const p = new Pacer(10, 1_000);
  while (p.take(1_000) === 0);
  ok(p.take(0) > 0, "still empty");
});

test("addresses", () => {
  equal(socketURL("https://a.example/x", { delta: false }), "wss://a.example/x?version=1");
  equal(socketURL("/ws", { base: "http://b.example:81/page#top", token: "t+1" }), "ws://b.example:81/ws?updates=delta&access_token=t%2B1&version=1");
  equal(socketURL("ws://c.example/?a=1#frag"), "ws://c.example/?a=1&updates=delta&version=1");
  equal(socketURL("ws://e.example", { room: "tea & ü", token: "t" }), "ws://e.example/?updates=delta&room=tea+%26+%C3%BC&access_token=t&version=1");
  equal(socketURL("ws://e.example/?room=own", { room: "tea" }), "ws://e.example/?room=own&updates=delta&version=1");
  equal(socketURL("ws://d.example", { acceptFrom: "rooms", token: "t" }), "ws://d.example/?updates=delta&accept_from=rooms&access_token=t&version=1");
});

test("the resume frame", () => {
  equal(resumeFrame("S", 7), { event: "Resume", id: "resume", data: { session: "S", received: 7 } });
  equal(resumeFrame("S", undefined), { event: "Resume", id: "resume", data: { session: "S" } });
});

test("strangers' signals are kept in order, bounded, and for a moment", () => {
  let now = 0;
  const s = new Strangers(() => now);
  s.late("a", "Candidate", 0); // behind no offer
  s.keep("a", "Offer", 1);
  s.late("a", "Candidate", 2);
  equal(s.take("a"), [["Offer", 1], ["Candidate", 2]]);
  equal(s.take("a"), []);
  for (let i = 0; i < 100; i++) s.keep("b", "Offer", i);
  equal(s.take("b").length, 64);
  for (let i = 0; i < 20; i++) s.keep(`p${i}`, "Offer", 1);
  equal(s.take("p16"), [], "the seventeenth stranger");
  now = 11_000;
  equal(s.take("p1"), [], "forgotten");
});
