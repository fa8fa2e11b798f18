import { Connector } from "/connector.js";
import { equal, failure, ok, test, until } from "./harness.js";
import { collect, cut, freshRoom, gateway, on, over } from "./gateways.js";

const scenario = (name, fn) => test(name, () => fn().finally(over));

scenario("two on two gateways share a room", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const ra = await a.createRoom(name, { name: "Tea", capacity: 3, metadata: { topic: 1 } });
  equal([ra.id, ra.name, ra.capacity, ra.metadata, ra.isCreator], [name, "Tea", 3, { topic: 1 }, true]);
  const came = ra.once("joined");
  const rb = await b.joinRoom(name, { metadata: { name: "Bo" } });
  equal(rb.members.map((m) => m.id), [a.id, b.id]);
  equal((await came).clients, [{ id: b.id, metadata: { name: "Bo" } }]);
  const received = rb.once("message");
  ra.send({ hi: ["ü", 1] });
  equal([(await received).from, (await received).data], [a.id, { hi: ["ü", 1] }]);
  const gone = ra.once("left");
  await rb.leave();
  equal([(await gone).clients, rb.closed, b.rooms.size], [[{ id: b.id, reason: "left" }], true, 0]);
});

scenario("a member changes what the others see of it", async () => {
  const [a, b] = [await on(0), await on(1)];
  const ra = await a.createRoom(freshRoom());
  const rb = await b.joinRoom(ra.id, { metadata: { name: "Bo" } });
  for (const metadata of [{ name: "Bob", hand: true }, undefined]) {
    const updated = ra.once("updated");
    await rb.updateMember(metadata);
    equal((await updated).clients, [{ id: b.id, metadata }]);
    equal([ra.member(b.id).metadata, rb.member(b.id).metadata], [metadata, metadata]);
  }
});

scenario("a room without an id gets one", async () => {
  const a = await on(0);
  const room = await a.createRoom();
  ok(room.id.length > 8 && a.rooms.get(room.id) === room, room.id);
});

scenario("requests fail with the server's codes", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const room = await a.createRoom(name, { capacity: 2 });
  equal((await failure(b.createRoom(name))).code, "Duplicate_Room");
  equal((await failure(b.joinRoom(name + "x"))).code, "Not_Found");
  const mine = await b.joinRoom(name);
  equal((await failure(b.joinRoom(name))).code, "Already_Exists");
  equal((await failure(mine.remove(a.id))).code, "Unauthorised");
  const c = await on(0);
  const full = await failure(c.joinRoom(name));
  equal([full.code, full.data.event], ["Room_Full", "Join_Room"]);
  await room.update({ capacity: 5, locked: true });
  equal((await failure(c.joinRoom(name))).code, "Room_Locked");
  await until(() => mine.locked, "everyone sees the lock");
  equal((await failure(a.request("No_Such_Event"))).code, "Unsupported_Event");
  equal((await failure(a.request("Join_Room", { room: 7 }))).data.field, "data.room");
});

scenario("the host removes a member, and ends the room", async () => {
  const [a, b, c] = [await on(0), await on(1), await on(1)];
  const name = freshRoom();
  const ra = await a.createRoom(name);
  const [rb, rc] = [await b.joinRoom(name), await c.joinRoom(name)];
  const closed = rb.once("closed");
  await ra.remove(b.id);
  equal((await closed).reason, "removed");
  await until(() => rc.members.length === 2, "the others see it");
  const ended = rc.once("closed");
  await ra.end();
  equal([(await ended).reason, ra.closed], ["ended", true]);
});

scenario("messages to a peer arrive in order; one to nobody comes back as an error", async () => {
  const [a, b] = [await on(0), await on(1)];
  const all = collect(b, "message", (m) => m.data, (list) => list.length === 100);
  for (let i = 0; i < 100; i++) a.send(b.id, i);
  equal(await all, Array.from({ length: 100 }, (_, i) => i));
  const error = a.once("error");
  const nobody = a.id.replace(/.$/, (c) => (c === "0" ? "1" : "0"));
  const id = a.send(nobody, "x");
  const err = await error;
  equal([err.code, err.id, err.data.to], ["Not_Found", id, nobody]);
});

scenario("a cut connection resumes without a sound to the others", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const ra = await a.joinRoom(name, { create: true });
  const rb = await b.joinRoom(name);
  await until(() => ra.has(b.id), "the sender's gateway knows the member"); // what is sent before goes to those that it knows
  const before = b.id;
  let noise = 0;
  ra.on("left", () => noise++);
  const numbers = collect(rb, "message", (m) => m.data, (list) => list.length === 200);
  const resumed = collect(b, "resumed", (r) => r.recovered, (list) => list.length === 3);
  for (let i = 0; i < 200; i++) {
    ra.send(i);
    if (i % 60 === 30) {
      const back = b.once("resumed");
      ok((await cut(1)) > 0, "there was a connection to cut");
      ra.send(++i); // while it is disconnected
      await back;
    }
  }
  equal(await numbers, Array.from({ length: 200 }, (_, i) => i));
  equal(await resumed, [true, true, true]);
  equal([b.id, b.rooms.get(name) === rb, rb.closed, noise], [before, true, false, 0]);
});

scenario("what is asked and said while away happens afterwards", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const ra = await a.joinRoom(name, { create: true });
  const rb = await b.joinRoom(name);
  const received = ra.once("message");
  const lost = b.once("state");
  await cut(1);
  await lost;
  rb.send("late");
  const other = b.createRoom(name + "2");
  equal((await received).data, "late");
  equal((await other).id, name + "2");
});

scenario("a session can be carried to a new page, and the old one gives way", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const ra = await a.joinRoom(name, { create: true });
  await b.joinRoom(name);
  let noise = 0;
  ra.on("left", () => noise++);
  const closed = b.once("closed");
  const again = await on(0, { session: b.session });
  equal([again.id, (await closed).data.close_code], [b.id, 4002]);
  await until(() => again.rooms.get(name)?.members.length === 2, "its room is known again");
  equal(noise, 0);
});

scenario("a session that is none leaves a fresh id that works", async () => {
  const p2p = new Connector(gateway(0), { session: "nonsense" });
  const reset = p2p.once("reset");
  await p2p.ready;
  const { error, id } = await reset;
  equal([error.code, id], ["Unauthorised", p2p.id]);
  ok((await p2p.ping()) > 0, "it answers");
  p2p.close();
});

scenario("closing leaves at once", async () => {
  const [a, b] = [await on(0), await on(1)];
  const name = freshRoom();
  const ra = await a.joinRoom(name, { create: true });
  await b.joinRoom(name);
  await until(() => ra.members.length === 2, "it was seen");
  const left = ra.once("left");
  const start = performance.now();
  b.close();
  await left;
  ok(performance.now() - start < 5_000, "well within the grace");
});

scenario("a gateway that is not there is passed over", async () => {
  const p2p = await on(0, {});
  const other = new Connector([`${location.origin}/nothing-here`, gateway(1)], { backoff: { base: 10, cap: 20 } });
  await other.ready;
  ok(other.url === gateway(1) && other.id !== p2p.id, other.url);
  other.close();
});

scenario("a big room is followed by changes and is right in the end", async () => {
  const name = freshRoom();
  const watcher = await on(0);
  const room = await watcher.joinRoom(name, { create: true });
  const many = await Promise.all(Array.from({ length: 110 }, (_, i) => on(i % 2)));
  const joined = await Promise.all(many.map((m) => m.joinRoom(name)));
  await until(() => room.members.length === 111, "the watcher sees all");
  await until(() => joined.every((r) => r.members.length === 111), "all see all");
  await Promise.all(joined.slice(0, 20).map((r) => r.leave()));
  await until(() => room.members.length === 91 && joined.at(-1).members.length === 91, "all see who left");
  equal(room.members.map((m) => m.id).sort(), [watcher, ...many.slice(20)].map((m) => m.id).sort());
});
