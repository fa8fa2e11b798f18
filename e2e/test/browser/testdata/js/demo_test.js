import { grid, spotlight } from "/web/demo/layout.js";
import { withLinks } from "/web/demo/links.js";
import { Speakers, levelOf } from "/web/demo/speakers.js";
import { lossBetween, quality } from "/web/demo/stats.js";
import { equal, ok, test } from "./harness.js";

const stages = { phone: [374, 600], desktop: [880, 640], wide: [1500, 880], flat: [800, 200] };

test("tiles fit their stage, and are no taller than wide and no flatter than 16:9", () => {
  for (const [name, [width, height]] of Object.entries(stages)) {
    for (let n = 1; n <= 7; n++) {
      const t = grid(n, width, height);
      const rows = Math.ceil(n / t.columns);
      ok(t.columns * t.width + (t.columns - 1) * 10 <= width, `${n} in ${name}: too wide`);
      ok(rows * t.height + (rows - 1) * 10 <= height, `${n} in ${name}: too high`);
      ok(t.height <= t.width && t.width <= t.height * 1.8, `${n} in ${name}: ${t.width} by ${t.height}`);
    }
  }
});

test("two are side by side on a desktop and above each other on a phone", () => {
  equal(grid(2, 880, 640).columns, 2);
  equal(grid(2, 374, 600).columns, 1);
  equal(grid(6, 374, 600).columns, 2);
  equal(grid(6, 1500, 880).columns, 3);
});

test("the large tile leaves room for the others", () => {
  for (const [width, height] of Object.values(stages)) {
    for (let n = 0; n <= 6; n++) {
      const { large, small } = spotlight(n, width, height);
      ok(large.height + (n ? small.height + 10 : 0) <= height, `${n} in ${width} by ${height}: too high`);
      ok(n * small.width + Math.max(0, n - 1) * 10 <= width, `${n} in ${width} by ${height}: too wide`);
      ok(large.height > small.height, `${n} in ${width} by ${height}: not large`);
    }
  }
});

test("a speaker stays marked between words, until another is louder or all are silent", () => {
  const speakers = new Speakers();
  const step = (a, b) => speakers.step(new Map([["a", a], ["b", b]]));
  equal(step(0, 0), "");
  equal(step(0.3, 0), "a");
  equal(step(0, 0.2), "a");
  equal(step(0, 0.5), "b");
  for (let i = 0; i < 20; i++) step(0, 0);
  equal(step(0, 0), "");
  equal(speakers.step(new Map()), "");
});

test("a sound that begins and ends between two looks is heard", async () => {
  const audio = { type: "inbound-rtp", totalAudioEnergy: 0, totalSamplesDuration: 1 };
  const receiver = { track: { kind: "audio" }, getStats: async () => new Map([["a", { ...audio }], ["b", { type: "codec" }]]) };
  const pc = { getReceivers: () => [{ track: { kind: "video" } }, receiver] };
  const after = (energy, seconds) => {
    audio.totalAudioEnergy += energy;
    audio.totalSamplesDuration += seconds;
    return levelOf(pc);
  };
  equal(await levelOf(pc), 0);
  equal(await after(0.0625, 0.25), 0.5);
  equal(await after(0, 0.25), 0);
  equal(await after(0, 0), 0);
});

test("quality is what people notice", () => {
  const word = (figures) => quality({ rtt: 30, jitter: 5, loss: 0, ...figures }).level;
  equal(word({}), "good");
  equal(word({ rtt: undefined }), "good");
  equal(word({ rtt: 300 }), "fair");
  equal(word({ jitter: 90 }), "fair");
  equal(word({ loss: 0.03 }), "fair");
  equal(word({ loss: 0.1 }), "poor");
  equal(word({ rtt: 900 }), "poor");
  equal(lossBetween({ lost: 5, packets: 100 }, { lost: 15, packets: 190 }), 0.1);
  equal(lossBetween({ lost: 5, packets: 100 }, { lost: 5, packets: 100 }), 0);
  equal(lossBetween({ lost: 5, packets: 100 }, { lost: 0, packets: 0 }), 0); // another connection
});

test("only http and https become links, without the full stop behind them", () => {
  const shown = (text) => withLinks(text).map((p) => (typeof p === "string" ? p : `[${p.getAttribute("href")}]`)).join("");
  equal(shown("see https://example.com/a, then HTTP://B.example."), "see [https://example.com/a], then [http://b.example/].");
  equal(shown("javascript:alert(1) ftp://x data:text/html,x"), "javascript:alert(1) ftp://x data:text/html,x");
  equal(shown("http://[ and https://"), "http://[ and https://");
  equal(shown("<b>https://example.com/<script>"), "<b>[https://example.com/]<script>");
});
