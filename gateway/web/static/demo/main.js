// The demo: a lobby, then a room. Everything that has to do with connecting,
// resuming and negotiating is connector.js's work; here is what a person sees.

import { Connector } from "/connector.js";
import { copy } from "../copy.js";
import { guestName, roomName } from "../names.js";
import { tokenField } from "../token.js";
import { Call } from "./call.js";
import { Chat } from "./chat.js";
import { $ } from "./dom.js";
import { Files } from "./files.js";
import { Media, why } from "./media.js";
import { People } from "./people.js";
import { Tiles } from "./tiles.js";

const mostPeople = 6; // in a mesh each sends to every other
let p2p = null;
let room = null;
let chosen = "";
let myName = "";

const tiles = new Tiles();
const peers = () => p2p?.peers ?? new Map();
const nameOf = (id) => nameIn(room?.member(id)) ?? `Guest ${id.slice(0, 4)}`;
const nameIn = (member) => (typeof member?.metadata?.name === "string" ? member.metadata.name.slice(0, 40) : undefined);
const files = new Files({ nameOf, peers });
const media = new Media((kind, track) => {
  call.change(kind, track);
  showSelf();
});
const call = new Call({ media, tiles, files });
const chat = new Chat((text) => room.send({ chat: text }));
let people = null;
const token = tokenField($("lobby-token"));

// --- the lobby ---

function showLobby(problem = "") {
  $("lobby").hidden = false;
  $("call").hidden = true;
  $("room-label").hidden = $("copy-link").hidden = true;
  $("lobby-room").value = fromLink() || roomName();
  $("lobby-name").value ||= localStorage.getItem("name") || guestName();
  $("lobby-problem").textContent = problem;
  if (token()) $("lobby-token-row").hidden = false;
  for (const id of ["join", "join-quiet"]) $(id).disabled = false;
  $("plain-http").hidden = isSecureContext;
  document.title = `${$("lobby-room").value} · Peer2Peer Connector`;
}

function fromLink() {
  try {
    return decodeURIComponent(location.hash.slice(1)).slice(0, 64);
  } catch {
    return "";
  }
}

async function join(withCamera) {
  chosen = $("lobby-room").value.trim();
  myName = $("lobby-name").value.trim();
  if (!chosen || !myName) return $("lobby-form").reportValidity();
  for (const id of ["join", "join-quiet"]) $(id).disabled = true;
  $("lobby-problem").textContent = "";
  localStorage.setItem("name", myName);
  history.replaceState(null, "", "#" + encodeURIComponent(chosen));
  if (withCamera && isSecureContext) banner("wait", "Your browser asks for the camera and the microphone.");
  const notice = withCamera ? await media.start() : "You joined without camera and microphone. Switch them on below when you like.";
  banner("wait", "Connecting…");
  $("media-notice").textContent = notice;
  begin();
  try {
    await p2p.ready;
    await enter();
  } catch (err) {
    stop();
    banner("none", "");
    showLobby(sayWhy(err));
  }
}

// --- the connection ---

// begin starts the connector. With ?ports=8080,8081 it knows several gateways on
// this host; only ports can be named, so that no link leads to a foreign server.
function begin() {
  const ports = (new URLSearchParams(location.search).get("ports") ?? "").split(",").filter((p) => /^\d{1,5}$/.test(p));
  const own = location.origin.replace(/^http/, "ws") + "/ws";
  const others = ports.filter((p) => p !== location.port).map((p) => `${own.split(":")[0]}://${location.hostname}:${p}/ws`);
  const mine = new Connector([own, ...others], { token: token() || undefined });
  p2p = mine;
  globalThis.demo = { p2p, media, get room() { return room; } };
  p2p.on("state", ({ state, attempt, error }) => {
    if (state === "reconnecting") banner("wait", attempt > 1 ? `The server is away; calls go on. Trying again (${attempt})…` : "Reconnecting; calls go on…");
    if (state === "connecting") banner("wait", `${error?.message ?? "The server does not answer."} Trying again (${attempt})…`);
  });
  p2p.on("draining", () => banner("wait", "This server is going away; moving to another. Calls go on."));
  p2p.on("resumed", ({ recovered }) => recovered
    ? passing("good", "Connected again. Nothing was lost on the way.")
    : passing("wait", "Connected again. Messages of the last moments may be lost; calls go on.", 10_000));
  p2p.on("reset", () => room && rejoin());
  p2p.on("peer", (peer) => call.add(peer, nameOf(peer.id)));
  p2p.on("closed", (err) => {
    if (p2p !== mine) return;
    if (err.data.close_code === 4001) $("lobby-token-row").hidden = false;
    over(err.message);
  });
}

async function enter() {
  const entered = await p2p.joinRoom(chosen, { create: true, metadata: { name: myName } });
  follow(entered);
  if (entered.isCreator && !entered.capacity) await entered.update({ capacity: mostPeople });
}

// rejoin: away for too long, so we are somebody new to the server.
async function rejoin() {
  banner("wait", "The connection was away for too long; joining again…");
  try {
    await enter();
  } catch (err) {
    over(sayWhy(err));
  }
}

function follow(entered) {
  room = entered;
  $("lobby").hidden = true;
  $("call").hidden = false;
  $("room-label").hidden = $("copy-link").hidden = false;
  $("room-name").textContent = chosen;
  document.title = `${chosen} · Peer2Peer Connector`;
  banner("none", "");
  tiles.add("self", myName, { self: true });
  showSelf();
  people?.stop();
  $("people").replaceChildren();
  people = new People({ nameOf, peers, onremove: (id) => act(() => room.remove(id)) });
  room.on("change", () => room === entered && showRoom());
  room.on("joined", ({ clients }) => clients.forEach((c) => chat.note(`${nameOf(c.id)} joined.`)));
  room.on("left", ({ clients }) => clients.forEach((c) => chat.note(farewell(c))));
  room.on("message", ({ from, data }) => typeof data?.chat === "string" && chat.show(nameOf(from), data.chat));
  room.on("error", (err) => chat.note(`A message did not get through: ${err.message}`));
  room.on("closed", ({ reason }) => room === entered && left(reason));
  showRoom();
  for (const { id } of room.others) p2p.connectPeer(id); // who comes calls those who are here
}

function farewell({ id, reason }) {
  const name = names.get(id) ?? "Somebody";
  if (reason === "removed") return `${name} was removed by the host.`;
  return reason === "disconnected" ? `${name} lost the connection.` : `${name} left.`;
}

const names = new Map(); // of those who are here, to name them when they leave

function showRoom() {
  const gone = [...names.keys()].filter((id) => !room.has(id));
  for (const { id } of room.members) names.set(id, nameOf(id));
  for (const id of gone) names.delete(id);
  people.show(room, p2p.id);
  files.choices(room.others);
  $("lock").hidden = !room.isCreator;
  $("lock").textContent = room.locked ? "Unlock room" : "Lock room";
  $("locked").hidden = !room.locked;
}

function left(reason) {
  if (reason === "removed") over("The host removed you from this room.");
  else if (reason === "ended") over("The host ended this room.");
  else if (reason === "disconnected") rejoin();
}

function over(text) {
  stop();
  banner("bad", text);
  showLobby();
}

function stop() {
  room = null;
  people?.stop();
  media.stop();
  tiles.remove("self");
  const ended = p2p;
  p2p = null; // so that its closing is no news
  ended?.close();
}

// --- what is shown ---

let bannerTimer = 0;

function banner(kind, text) {
  clearTimeout(bannerTimer);
  $("banner").dataset.kind = kind;
  $("banner").textContent = text;
}

function passing(kind, text, ms = 4_000) {
  banner(kind, text);
  bannerTimer = setTimeout(() => banner("none", ""), ms);
}

function showSelf() {
  const { micOn, camOn, screenOn } = media;
  tiles.show("self", media.stream);
  tiles.said("self", media.said, true);
  /** @type {[id: string, on: boolean, texts: string[]][]} */
  const switches = [["mic", micOn, ["Unmute", "Mute"]], ["cam", camOn, ["Start camera", "Stop camera"]], ["screen", screenOn, ["Share screen", "Stop sharing"]]];
  for (const [id, on, text] of switches) {
    $(id).textContent = text[Number(on)];
    $(id).classList.toggle("off", !on && id !== "screen");
  }
}

function sayWhy(err) {
  switch (err.code) {
    case "Room_Full":
      return "This room is full. Ask somebody to leave, or choose another room.";
    case "Room_Locked":
      return "The host has locked this room. Ask to be let in, then join again.";
    default:
      return err.message;
  }
}

async function act(what) {
  try {
    await what();
  } catch (err) {
    chat.note(err.message);
  }
}

const changing = new Set(); // devices that the browser is asked for

// device switches a device on or off, once at a time: a second click while the
// browser asks would open a second camera.
async function device(toggle, name) {
  if (changing.has(name)) return;
  changing.add(name);
  try {
    await toggle();
    $("media-notice").textContent = "";
  } catch (err) {
    $("media-notice").textContent = name === "screen" && err.name === "NotAllowedError" ? "The screen is not shared." : why(err, name);
  }
  changing.delete(name);
  showSelf();
  call.tell();
}

$("lobby-form").addEventListener("submit", (event) => {
  event.preventDefault();
  join(true);
});
$("join-quiet").addEventListener("click", () => join(false));
$("mic").addEventListener("click", () => device(() => media.toggleMic(), "microphone"));
$("cam").addEventListener("click", () => device(() => media.toggleCam(), "camera"));
$("screen").addEventListener("click", () => device(() => media.toggleScreen(), "screen"));
$("lock").addEventListener("click", () => act(() => room.update({ locked: !room.locked })));
$("leave").addEventListener("click", () => {
  stop();
  banner("good", "You left. The room stays as long as somebody is in it.");
  showLobby();
});
$("copy-link").addEventListener("click", async () => {
  const url = new URL(location.href);
  url.hash = encodeURIComponent(chosen);
  if (await copy(url.href)) passing("good", "Link copied. Whoever opens it meets you here.");
  else banner("wait", `Your browser does not let this page copy. Select this link and copy it: ${url.href}`);
});
addEventListener("hashchange", () => $("call").hidden && showLobby());

showLobby();
