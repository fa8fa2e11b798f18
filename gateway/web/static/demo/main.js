// @ts-check
// The demo: a lobby, then a call. This file connects its parts.

import { copy } from "../copy.js";
import { tokenField } from "../token.js";
import { announce, banner, passing } from "./announce.js";
import { ask, wireDialogs } from "./ask.js";
import { keepAwake } from "./awake.js";
import { Call } from "./call.js";
import { Chat } from "./chat.js";
import { Controls } from "./controls.js";
import { Devices } from "./devices.js";
import { $ } from "./dom.js";
import { Files } from "./files.js";
import { Host } from "./host.js";
import { drawIcons } from "./icons.js";
import { Level } from "./level.js";
import { Lobby, roomOfLink } from "./lobby.js";
import { Media } from "./media.js";
import { Members } from "./members.js";
import { Panels } from "./panels.js";
import { People } from "./people.js";
import { name as storedName } from "./preferences.js";
import { callBeforeReload, keepOverReload } from "./reload.js";
import { Session, mayAsk, reasonOf } from "./session.js";
import { Speakers, levelOf } from "./speakers.js";
import { Tiles } from "./tiles.js";
import { Waiting } from "./waiting.js";

/** @type {Session|null} */
let session = null;
/** @type {People|null} */
let people = null;
let chosen = ""; // the room
let speaking = 0; // the timer that looks who speaks

const peers = () => session?.p2p.peers ?? new Map();
const room = () => session?.room ?? null;
const members = new Members(() => session, { onnote: (text) => chat.note(text) });
const { nameOf } = members;

drawIcons();
wireDialogs();
const level = new Level();
const media = new Media({
  onchange(slot, track) {
    if (slot === "mic") level.watch(track);
    call.change(slot, track);
    drawDevices();
    devices.refresh();
  },
  onlost(slot) {
    const device = slot === "cam" ? "camera" : "microphone";
    controls.notice(`The ${device} is gone: it was unplugged, or another program took it. Choose another one under Devices, or switch it on again.`);
  },
});
const tiles = new Tiles({ onretry: (id) => peers().get(id)?.restart() });
const files = new Files({ nameOf, peers });
const call = new Call({ media, tiles, files });
const chat = new Chat((text) => room().send({ chat: text }));
const host = new Host({ room, nameOf, onproblem: (text) => chat.note(text) });
const waiting = new Waiting({ onadmit: (id) => host.admit(id), onrefuse: (id, name) => host.refuse(id, name) });
const panels = new Panels(() => {
  chat.read();
  waiting.mark();
});
const controls = new Controls({ media, onhand: () => members.toggleHand(), onleave: leave });
const devices = new Devices({ media, level, onspeaker: (id) => tiles.speaker(id) });
const lobby = new Lobby({ media, onjoin: (wish) => join(wish), oncancel: cancel });
const token = tokenField($("lobby-token"));

// --- coming and going ---

/** @param {{room: string, name: string, mic: boolean, cam: boolean, ask: boolean, session?: string, received?: number}} wish */
async function join(wish) {
  if (session) return; // Join was pressed twice while the devices opened
  chosen = wish.room;
  members.me = { name: wish.name, hand: 0 };
  lobby.busy(true);
  if ((wish.mic || wish.cam) && isSecureContext) banner("wait", "Your browser asks for the camera and the microphone.");
  if (!wish.mic && !wish.cam) media.stop();
  const joining = (session = connect(wish));
  const notice = wish.mic || wish.cam ? await media.start(wish.mic, wish.cam) : "You joined with camera and microphone off. Switch them on below when you like.";
  if (session !== joining) return; // cancelled meanwhile
  banner("wait", "Connecting…");
  controls.notice(notice);
  try {
    await joining.enter();
  } catch (err) {
    if (session !== joining) return;
    stop();
    banner("none", "");
    showLobby(reasonOf(err), mayAsk(err.code));
  }
}

function connect(wish) {
  const made = new Session({ room: wish.room, metadata: () => members.me, token: token(), ask: wish.ask, session: wish.session, received: wish.received }, {
    peer: (peer) => call.add(peer),
    waiting() {
      banner("none", "");
      lobby.waits();
    },
    entered,
    message: receive,
    over(text, code) {
      if (code === 4001) $("lobby-token-row").hidden = false;
      stop();
      banner("none", "");
      showLobby(text, mayAsk(code));
    },
  });
  globalThis.demo = { p2p: made.p2p, media, get room() { return room(); } }; // for whoever looks at the page from its console
  return made;
}

function entered(entered) {
  const first = !document.body.classList.contains("calling");
  $("lobby").hidden = true;
  $("call").hidden = $("room-label").hidden = $("copy-link").hidden = false;
  document.body.classList.add("calling");
  $("settings-devices").append($("devices"));
  $("room-name").textContent = chosen;
  $("link").textContent = linkOfRoom();
  document.title = `${chosen} · Peer2Peer Connector`;
  banner("none", "");
  people?.stop();
  people = new People({
    nameOf, peers, handOf: members.handOf, onrename: rename,
    onremove: (id) => host.remove(id), onhost: (id) => host.handOver(id), onquality: (id, level) => tiles.quality(id, level),
  });
  tiles.clear();
  const current = (fn) => (value) => room() === entered && fn(value);
  entered.on("change", current(showRoom));
  entered.on("joined", current(({ clients }) => members.joined(clients)));
  entered.on("updated", current(({ clients }) => members.updated(clients)));
  entered.on("left", current(({ clients }) => members.left(clients)));
  entered.on("error", current((err) => chat.note(`A message did not get through: ${err.message}`)));
  members.begin(entered);
  showRoom();
  clearInterval(speaking);
  speaking = setInterval(showSpeaker, 250);
  keepAwake(true);
  devices.refresh();
  if (first) $("call-title").focus();
}

function receive({ from, data }) {
  if (typeof data?.chat === "string") chat.show(nameOf(from), data.chat);
  if (data?.mute === true && from === room()?.creator && media.micOn) {
    media.mute();
    controls.notice(`${nameOf(from)}, the host, has muted everyone. Unmute yourself when you want to speak.`);
  }
}

function cancel() {
  const asked = session?.waits;
  stop();
  banner("none", "");
  showLobby("", asked);
}

function leave() {
  stop();
  banner("good", "You left. The room stays as long as somebody is in it.");
  showLobby();
}

function stop() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  people?.stop();
  people = null;
  clearInterval(speaking);
  keepAwake(false);
  media.stop();
  tiles.clear();
  chat.clear();
  waiting.show([]);
  const ended = session;
  session = null;
  ended?.end();
}

function showLobby(problem = "", ask = false) {
  const called = lobby.shown === false;
  $("call").hidden = $("room-label").hidden = $("copy-link").hidden = true;
  if (token()) $("lobby-token-row").hidden = false;
  lobby.show(problem, ask);
  if (called) $("join").focus();
}

// --- what is shown ---

function showRoom() {
  const entered = room();
  const me = session.p2p.id;
  const own = entered.members.filter((m) => m.id === me);
  tiles.members([...own, ...entered.others].map(({ id }) => ({ id: id === me ? "self" : id, name: nameOf(id), hand: members.handOf(id) > 0, self: id === me })));
  call.draw();
  drawDevices();
  people.show(entered, me);
  files.choices(entered.others);
  host.show(entered);
  waiting.show(entered.waiting);
  controls.hand(members.handOf(me) > 0);
}

function drawDevices() {
  tiles.show("self", media.shown, media.mirrored);
  tiles.status("self", media.status);
  tiles.screen("self", media.screen && media.screenStream);
  controls.draw();
  lobby.draw();
}

const speakers = new Speakers();

async function showSpeaker() {
  const levels = new Map([["self", media.micOn ? level.value : 0]]);
  for (const [id, peer] of peers()) levels.set(id, await levelOf(peer.pc));
  tiles.speaking(speakers.step(levels));
}

async function rename() {
  const answer = await ask({ title: "Your name", confirm: "Rename", field: { label: "What the others see", value: members.me.name } });
  if (!answer?.value) return;
  storedName.set(answer.value);
  $("lobby-name").value = answer.value;
  members.change({ name: answer.value });
}

function linkOfRoom() {
  const url = new URL(location.href);
  url.hash = encodeURIComponent(chosen);
  return url.href;
}

async function copyLink() {
  if (await copy(linkOfRoom())) passing("good", "Link copied. Whoever opens it meets you here.");
  else banner("wait", `Your browser does not let this page copy. Select this link and copy it: ${linkOfRoom()}`);
}

// --- the page ---

for (const id of ["copy-link", "copy-alone"]) $(id).addEventListener("click", copyLink);
$("share-alone").hidden = !navigator.share;
$("share-alone").addEventListener("click", () => navigator.share({ title: `Call in ${chosen}`, url: linkOfRoom() }).catch(() => {})); // closed by hand
$("show-devices").addEventListener("click", () => {
  devices.refresh();
  $("settings").showModal();
});
$("home").addEventListener("click", ({ ctrlKey, metaKey, shiftKey, altKey }) => {
  if (ctrlKey || metaKey || shiftKey || altKey) return; // opens it elsewhere, and this page stays
  if (session) stop(); // who goes to another page leaves; a reload stays
});
addEventListener("pointerdown", () => level.resume());
addEventListener("keydown", () => level.resume());
keepOverReload(() => (room() || session?.waits) && { room: chosen, name: members.me.name, hand: members.me.hand, session: session.p2p.session, received: session.p2p.received, mic: media.micOn, cam: media.cam !== null, ask: session.waits, lines: chat.lines });

const before = callBeforeReload(roomOfLink());
showLobby();
if (before) {
  if (!before.ask) announce("Returning to the call.");
  chat.restore(before.lines);
  join(before);
} else {
  lobby.preview();
}
