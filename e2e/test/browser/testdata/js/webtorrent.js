// What the tests do with the unmodified client of WebTorrent, which another script has defined.

/** The client of this page, and what happened to it. */
const own = { client: null, warnings: [], received: null };
globalThis.own = own;

/** The bytes of the file that pages share. */
own.bytes = (size) => Uint8Array.from({ length: size }, (_, i) => i % 251);

/** Makes the page's client. */
own.begin = () => {
  own.client = new WebTorrent({ dht: false, lsd: false, utPex: false, tracker: { rtcConfig: { iceServers: [] } } });
  return true;
};

own.watch = (torrent) => torrent.on("warning", (e) => own.warnings.push(String(e.message ?? e)));

/** Seeds a file and returns its info hash. */
own.seed = (size, tracker) => new Promise((resolve) => {
  const file = new File([own.bytes(size)], "bytes.bin");
  own.watch(own.client.seed(file, { announce: [tracker] }, (torrent) => resolve(torrent.infoHash)));
});

/** Fetches the file from others. */
own.add = (hash, tracker) => {
  const torrent = own.watch(own.client.add(hash, { announce: [tracker] }));
  torrent.on("done", async () => { own.received = new Uint8Array(await torrent.files[0].arrayBuffer()); });
};

/** Whether size bytes, and the right ones, have arrived. */
own.got = (size) => own.received?.length === size && own.received.every((b, i) => b === i % 251);
