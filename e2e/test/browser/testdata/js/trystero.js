// What the tests do with the unmodified package trystero, which another script has put into
// `lib`.

/** The room of this page, and what it received. */
const own = { room: null, action: null, peers: [], received: [] };
globalThis.own = own;

/** Joins a room through relays. */
own.begin = (name, urls) => {
  own.room = lib.joinRoom({ appId: "p2pconnector-test", relayConfig: { urls }, rtcConfig: { iceServers: [] } }, name);
  own.room.onPeerJoin = (id) => own.peers.push(id);
  own.action = own.room.makeAction("text");
  own.action.onMessage = (text) => own.received.push(text);
  return true;
};

/** Sends a text to all peers. */
own.send = (text) => void own.action.send(text);
