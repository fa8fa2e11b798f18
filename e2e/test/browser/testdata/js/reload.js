// A page that is the same peer each time it is loaded: what it has to remember is in sessionStorage.

import { connect } from "/connector.js";

const load = (name, none) => JSON.parse(sessionStorage.getItem(name)) ?? none;
const save = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

globalThis.p2p = await connect(undefined, { ...load("peer", {}), leaveOnUnload: false });
const seen = load("seen", { IDs: [], Numbers: [] });
seen.IDs.push(p2p.id);
addEventListener("pagehide", () => {
  save("peer", { session: p2p.session, received: p2p.received });
  save("seen", seen);
});
const room = p2p.rooms.get("tea") ?? (await p2p.joinRoom("tea"));
room.on("message", ({ data }) => seen.Numbers.push(data));
globalThis.seen = seen;
