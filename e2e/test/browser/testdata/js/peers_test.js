import { equal, failure, ok, test, until } from "./harness.js";
import { collect, cut, freshRoom, on, over } from "./gateways.js";

const scenario = (name, fn) => test(name, () => fn().finally(over));

// Counts every RTCPeerConnection that is made.
const made = [];
const Real = globalThis.RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Real {
  constructor(...args) {
    super(...args);
    made.push(this);
  }
};
const alive = () => made.filter((pc) => pc.signalingState !== "closed");

async function pair(options) {
  const [a, b] = [await on(0, options), await on(1, options)];
  const name = freshRoom();
  await a.joinRoom(name, { create: true });
  await b.joinRoom(name);
  await until(() => a.rooms.get(name).members.length === 2, "both are there");
  return [a, b];
}

const opened = (peer) => (peer.data.readyState === "open" ? Promise.resolve(peer.data) : peer.once("open"));

function picture() {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const timer = setInterval(() => pen.fillRect(Math.random() * 300, Math.random() * 150, 9, 9), 50);
  const stream = canvas.captureStream(15);
  return { stream, stop: () => clearInterval(timer) };
}

/** Resolves when video arrives and is decoded. */
const shows = (peer) => until(async () => [...(await peer.pc.getStats()).values()].some((s) => s.type === "inbound-rtp" && s.framesDecoded > 2), "a picture arrives");

scenario("one calls, and a data channel is open on both sides", async () => {
  const [a, b] = await pair();
  const called = b.once("peer");
  const pa = a.connectPeer(b.id);
  const pb = await called;
  equal(pb.id, a.id);
  await Promise.all([pa.connected, pb.connected]);
  const received = pb.once("data");
  (await opened(pa)).send("hello");
  equal(await received, { from: a.id, data: "hello" });
  const bytes = pa.once("data");
  (await opened(pb)).send(new Uint8Array([1, 2, 3]));
  equal([...new Uint8Array((await bytes).data)], [1, 2, 3]);
  ok(a.connectPeer(b.id) === pa, "calling again gives the same connection");
  const closed = pb.once("close");
  pa.close();
  equal([(await closed).reason, a.peers.size, b.peers.size], ["closed", 0, 0]);
});

scenario("glare: both call at once, 20 rounds, always one connection", async () => {
  const [a, b] = await pair();
  const { stream, stop } = picture();
  for (const side of [a, b]) side.on("peer", (peer) => peer.addTrack(stream.getVideoTracks()[0], stream));
  for (let round = 0; round < 20; round++) {
    const before = made.length;
    const wait = (ms) => new Promise((r) => setTimeout(r, ms));
    const spread = round < 10 ? 0 : Math.random() * 40; // exactly at once, then within each other's offer
    const [pa, pb] = await Promise.all([a.connectPeer(b.id), wait(spread).then(() => b.connectPeer(a.id))]);
    const tracks = Promise.all([pa, pb].map((p) => shows(p)));
    await Promise.all([pa.connected, pb.connected, opened(pa), opened(pb), tracks]);
    const [ha, hb] = [pa.once("data"), pb.once("data")];
    pa.data.send(`a${round}`);
    pb.data.send(`b${round}`);
    equal([(await ha).data, (await hb).data], [`b${round}`, `a${round}`]);
    equal([made.length - before, alive().length, a.peers.size, b.peers.size], [2, 2, 1, 1], `round ${round}:`);
    equal([pa.pc.signalingState, pb.pc.signalingState], ["stable", "stable"]);
    const closed = Promise.all([pa.once("close"), pb.once("close")]);
    (round % 2 ? pa : pb).close();
    await closed;
    equal(alive().length, 0);
  }
  stop();
});

scenario("both add a picture at the same moment while they talk", async () => {
  const [a, b] = await pair();
  const pa = a.connectPeer(b.id);
  await pa.connected;
  const pb = b.peers.get(a.id);
  await pb.connected;
  const { stream, stop } = picture();
  const tracks = Promise.all([pa.once("track"), pb.once("track")]);
  for (const p of [pa, pb]) p.addTrack(stream.getVideoTracks()[0], stream);
  equal((await tracks).map((e) => e.track.kind), ["video", "video"]);
  await until(() => pa.pc.signalingState === "stable" && pb.pc.signalingState === "stable", "settled");
  for (const p of [pa, pb]) {
    await until(() => p.pc.getTransceivers().filter((t) => t.currentDirection === "sendrecv").length >= 1 ||
      p.pc.getTransceivers().filter((t) => t.currentDirection !== "inactive").length === 2, "pictures go both ways");
  }
  stop();
});

scenario("a stranger's call waits until it shares a room", async () => {
  const [a, b] = [await on(0), await on(1)];
  let called = 0;
  b.on("peer", () => called++);
  const seen = collect(b, "frame", (f) => f.event, (list) => list.includes("Offer"));
  const pa = a.connectPeer(b.id);
  await seen;
  equal([called, b.peers.size, pa.state], [0, 0, "connecting"]);
  const name = freshRoom();
  await a.joinRoom(name, { create: true });
  await b.joinRoom(name);
  await pa.connected;
  equal(called, 1);
});

scenario("accept decides", async () => {
  const [a, b] = [await on(0), await on(1, { accept: true })];
  await a.connectPeer(b.id).connected;
  const [c, d] = await pair({ accept: () => false });
  const seen = collect(d, "frame", (f) => f.event, (list) => list.includes("Offer"));
  c.connectPeer(d.id);
  await seen;
  equal(d.peers.size, 0);
  await d.connectPeer(c.id).connected; // but a peer that is called may answer
});

scenario("a call to nobody ends", async () => {
  const a = await on(0);
  const nobody = a.id.replace(/.$/, (c) => (c === "0" ? "1" : "0"));
  const peer = a.connectPeer(nobody);
  const closed = peer.once("close");
  equal((await failure(peer.connected)).code, "Closed");
  equal((await closed).reason, "gone");
  equal((await failure(() => a.connectPeer(a.id))).code, "Invalid_Message");
});

scenario("who leaves the last shared room is not connected any more", async () => {
  const [a, b] = await pair();
  const pa = a.connectPeer(b.id);
  await pa.connected;
  const closed = pa.once("close");
  await [...b.rooms.values()][0].leave();
  equal((await closed).reason, "left");
  equal(b.peers.size, 0);
});

scenario("a cut leaves the call alone", async () => {
  const [a, b] = await pair();
  const pa = a.connectPeer(b.id);
  await pa.connected;
  const pb = b.peers.get(a.id);
  await opened(pb);
  const ufrag = pa.pc.localDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1];
  const back = b.once("resumed");
  await cut(1);
  const received = pa.once("data");
  pb.data.send("through");
  equal((await received).data, "through");
  await back;
  ok((await b.ping()) >= 0 && (await a.ping()) >= 0, "both are back");
  equal(pa.pc.localDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1], ufrag, "no restart was needed:");
  equal([pa.state, pb.state, alive().length], ["connected", "connected", 2]);
});

scenario("a call whose signals fall into a cut comes up", async () => {
  for (const side of [0, 1]) {
    const [a, b] = await pair();
    const pa = a.connectPeer(b.id);
    const sent = collect(a, "sent", (t) => JSON.parse(t).event, (l) => l.includes("Offer"));
    await sent;
    await cut(side);
    await pa.connected;
    await b.peers.get(a.id).connected;
    over();
    await until(() => alive().length === 0, "all closed");
  }
});

scenario("restart looks for a new path", async () => {
  const [a, b] = await pair();
  const pa = a.connectPeer(b.id);
  await pa.connected;
  const ufrag = () => pa.pc.localDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1];
  const before = ufrag();
  pa.restart();
  await until(() => ufrag() !== before && pa.pc.signalingState === "stable" && pa.pc.connectionState === "connected", "a new path");
  const received = b.peers.get(a.id).once("data");
  (await opened(pa)).send("still here");
  equal((await received).data, "still here");
});

scenario("one that began anew without a word gets a new connection", async () => {
  const [a, b] = await pair();
  const old = a.connectPeer(b.id);
  await old.connected;
  const pb = b.peers.get(a.id);
  const renewed = pb.once("close");
  old.finish("lost"); // as a crash would: the other side gets no notice
  const next = b.once("peer");
  const pa = a.connectPeer(b.id);
  await pa.connected;
  equal([(await renewed).reason, (await next).id], ["renewed", a.id]);
  await (await next).connected;
  equal(b.peers.size, 1);
});

scenario("signals of peers without this module are understood", async () => {
  const name = freshRoom();
  const a = await on(0);
  await a.joinRoom(name, { create: true });
  // The test plays the other side, as a client in another language: no call, no
  // n, no re.
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/gw/1/ws");
  const say = (frame) => socket.send(JSON.stringify(frame));
  const pc = new Real();
  const channel = pc.createDataChannel("p2p", { negotiated: true, id: 0 });
  const greeting = new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)));
  pc.onicecandidate = ({ candidate }) => candidate && say({ event: "Candidate", to: a.id, data: { candidate } });
  socket.onmessage = async ({ data: text }) => {
    const { event, from, data } = JSON.parse(text);
    if (event === "Client_Details") say({ event: "Join_Room", data: { room: name } });
    if (event === "Candidate" && data.candidate) await pc.addIceCandidate(data.candidate);
    if (event !== "Offer") return;
    await pc.setRemoteDescription(data.description);
    await pc.setLocalDescription();
    say({ event: "Answer", to: from, data: { description: pc.localDescription } });
  };
  const [{ id }] = (await a.rooms.get(name).once("joined")).clients;
  const pa = a.connectPeer(id);
  await pa.connected;
  (await opened(pa)).send("hello");
  equal(await greeting, "hello");
  pc.close();
  socket.close(1000);
});
