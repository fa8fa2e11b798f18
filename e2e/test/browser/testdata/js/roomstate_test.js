import { applyRoom, unknownRoom } from "/connector/roomstate.js";
import { equal, ok, test } from "./harness.js";

const ids = (r) => [...r.state.members.keys()];
const apply = (state, data) => applyRoom(state, { room: "r", name: "n", creator: "a", ...data });

function roomOf(...clients) {
  return apply(unknownRoom("r"), { clients, revision: 10 }).state;
}

test("a full list", () => {
  const r = apply(unknownRoom("r"), { clients: ["a", "b"], revision: 3, capacity: 6, locked: true, members: { b: { metadata: { name: "Bo" } } } });
  equal(ids(r), ["a", "b"]);
  equal(r.joined, ["a", "b"]);
  equal([r.state.name, r.state.creator, r.state.capacity, r.state.locked, r.state.revision], ["n", "a", 6, true, 3]);
  equal(r.state.members.get("b").metadata, { name: "Bo" });
  ok(r.state.complete, "the list is complete");
});

test("an older revision changes nothing", () => {
  const before = roomOf("a", "b");
  for (const revision of [9, 10]) {
    const r = apply(before, { clients: ["a"], revision });
    ok(r.stale && r.state === before, `revision ${revision} is stale`);
  }
});

test("joins and leaves come from the difference, with reasons", () => {
  const r = apply(roomOf("a", "b", "c"), { clients: ["a", "d"], revision: 12, client: "b", reason: "left", reasons: { b: "left", c: "removed" } });
  equal(r.joined, ["d"]);
  equal(r.left, [{ id: "b", reason: "left" }, { id: "c", reason: "removed" }]);
});

test("one reason for all removed", () => {
  const r = apply(roomOf("a", "b", "c"), { clients: ["a"], revision: 12, removed: ["b", "c"], reason: "disconnected" });
  equal(r.left.map((l) => l.reason), ["disconnected", "disconnected"]);
});

test("a change in place of the list", () => {
  const r = apply(roomOf("a", "b"), { added: ["c"], removed: ["b"], count: 2, revision: 12 });
  equal(ids(r), ["a", "c"]);
  ok(r.state.complete, "the count fits");
});

test("a member's new metadata replaces the old, also with none", () => {
  const named = apply(roomOf("a", "b"), { added: ["c"], revision: 11, members: { c: { user: "cy", metadata: 1 } } }).state;
  const changed = apply(named, { updated: ["c", "gone"], count: 3, revision: 12, members: { c: { user: "cy", metadata: { hand: true } } } });
  equal([changed.updated, changed.joined, changed.left], [["c"], [], []]);
  equal(changed.state.members.get("c"), { id: "c", user: "cy", metadata: { hand: true } });
  const none = apply(changed.state, { clients: ["a", "b", "c"], updated: ["c"], revision: 13 });
  equal(none.state.members.get("c"), { id: "c", user: "cy" });
  equal(apply(none.state, { clients: ["a", "b", "c"], revision: 14 }).updated, []);
});

test("a member is a moderator until an update, a whole answer or its return says otherwise", () => {
  const members = { b: { metadata: 1, moderator: true } };
  const made = apply(roomOf("a", "b"), { updated: ["b"], count: 2, revision: 11, members }).state;
  equal(made.members.get("b"), { id: "b", metadata: 1, moderator: true });
  const state = (data, whole) => applyRoom(made, { room: "r", revision: 12, ...data }, whole).state.members.get("b");
  equal(state({ clients: ["a", "b", "c"], added: ["c"] }).moderator, true, "another one came:");
  equal(state({ updated: ["b"], members: { b: { metadata: 1 } } }), { id: "b", metadata: 1 });
  equal(state({ clients: ["a", "b"] }, true), { id: "b" });
  equal(state({ added: ["b"], members: { b: { metadata: 2 } } }), { id: "b", metadata: 2 });
});

test("an update of members follows news of the same revision", () => {
  const came = apply(roomOf("a", "b"), { clients: ["a", "b", "c"], added: ["c"], revision: 12 }).state;
  const r = apply(came, { clients: ["a", "b", "c"], updated: ["b"], revision: 12, members: { b: { metadata: 1 } } });
  equal([r.stale, r.updated, r.joined, r.state.members.get("b").metadata], [false, ["b"], [], 1]);
});

test("a whole answer forgets metadata that it does not have", () => {
  const named = apply(roomOf("a", "b"), { added: ["c"], revision: 11, members: { c: { metadata: 1 } } }).state;
  const data = { room: "r", clients: ["a", "b", "c"], revision: 12 };
  equal(applyRoom(named, data).state.members.get("c"), { id: "c", metadata: 1 });
  equal(applyRoom(named, data, true).state.members.get("c"), { id: "c" });
});

test("a change that does not fit asks for the list", () => {
  const r = apply(roomOf("a"), { added: ["c"], count: 5, revision: 12 });
  ok(!r.state.complete, "three are missing");
  const whole = apply(r.state, { clients: ["a", "c", "x", "y", "z"], revision: 12 });
  equal(ids(whole).length, 5, "the answer may have the same revision");
  ok(whole.state.complete, "complete now");
});

test("a change about an unknown room is incomplete", () => {
  ok(!apply(unknownRoom("r"), { added: ["a"], count: 1, revision: 5 }).state.complete, "who was there before is not known");
});

test("what is known of a member is kept until it leaves", () => {
  const one = apply(unknownRoom("r"), { clients: ["a", "b"], revision: 1, members: { b: { user: "bo", metadata: 1 } } });
  const two = apply(one.state, { clients: ["a", "b", "c"], revision: 2 });
  equal(two.state.members.get("b"), { id: "b", user: "bo", metadata: 1 });
  const gone = apply(two.state, { clients: ["a"], revision: 3 });
  const back = apply(gone.state, { clients: ["a", "b"], revision: 4 });
  equal(back.state.members.get("b").user, undefined);
});

test("the state before is not changed", () => {
  const before = roomOf("a");
  apply(before, { added: ["b"], count: 2, revision: 11 });
  equal([...before.members.keys()], ["a"]);
});
