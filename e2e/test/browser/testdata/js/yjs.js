// What the tests do with the unmodified packages y-webrtc and yjs, which another script has
// put into `lib`.

/** The document of this page. */
const own = { doc: new lib.Doc(), provider: null };
globalThis.own = own;

/** Joins the room of a document through signaling servers. */
own.begin = (room, signaling, password) => {
  own.provider = new lib.WebrtcProvider(room, own.doc, { signaling, password, peerOpts: { config: { iceServers: [] } } });
  return true;
};

/** Writes a key, and reads it back as all pages see it. */
own.set = (key, value) => void own.doc.getMap("m").set(key, value);
own.get = (key) => own.doc.getMap("m").get(key);

/** The number of other pages that this one is connected to. */
own.others = () => [...(own.provider.room?.webrtcConns.values() ?? [])].filter((c) => c.connected).length;

/** Whether all signaling servers are connected. */
own.connected = () => own.provider.signalingConns.every((c) => c.connected);
