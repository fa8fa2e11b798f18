// What the tests do with the unmodified client of PeerJS, which another script has defined.

/** The peer of this page, and what happened to it. */
const own = { peer: null, errors: [], received: [], connections: [], streams: [], attempts: 0 };
globalThis.own = own;

/** Makes the page's peer and returns its id when it is open. */
own.begin = (id, port, token) => new Promise((resolve, reject) => {
  const options = { host: "127.0.0.1", port, path: "/", config: { iceServers: [] }, debug: 0 };
  if (token) options.token = token;
  const peer = id ? new Peer(id, options) : new Peer(options);
  own.peer = peer;
  peer.on("open", resolve);
  peer.on("error", (e) => { own.errors.push(e.type); reject(new Error(e.type)); });
  peer.on("connection", (c) => own.keep(c));
  peer.on("call", async (call) => { own.watch(call); call.answer(await own.camera()); });
});

/** Calls reconnect() as soon as the peer is disconnected, as applications do. */
own.stay = () => void own.peer.on("disconnected", () => { own.attempts++; own.peer.reconnect(); });

own.keep = (c) => {
  own.connections.push(c);
  c.on("data", (d) => own.received.push(d));
};

/** Connects to another peer and returns when the connection is open. */
own.connect = (id) => new Promise((resolve, reject) => {
  const c = own.peer.connect(id, { reliable: true, metadata: { from: own.peer.id }, serialization: "binary" });
  own.keep(c);
  c.on("open", () => resolve(true));
  c.on("error", reject);
});

/** Sends size bytes on the last connection. */
own.send = (size) => {
  const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
  own.connections.at(-1).send(bytes);
};

/** Whether size bytes, and the right ones, are what came last. */
own.got = (size) => {
  if (own.received.length === 0) return false;
  const bytes = new Uint8Array(own.received.at(-1));
  return bytes.length === size && bytes.every((b, i) => b === i % 251);
};

/** The ids of all clients. */
own.list = () => new Promise((resolve) => own.peer.listAllPeers((ids) => resolve(ids.sort())));

own.camera = () => navigator.mediaDevices.getUserMedia({ video: true, audio: true });

own.watch = (call) => void call.on("stream", (s) => {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = s;
  video.play();
  own.streams.push(video);
});

own.call = async (id) => own.watch(own.peer.call(id, await own.camera()));

/** Whether the video of a call runs. */
own.sees = () => own.streams.some((v) => v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 5);
