// @ts-check
// The tiles of a call: ours and one for each other member, and one more for each
// screen that is shared. They follow the members, so that a tile stays while its
// connection is made anew.

import { $ } from "./dom.js";
import { grid, spotlight } from "./layout.js";
import { choice } from "./preferences.js";
import { Tile } from "./tile.js";

const screenOf = (id) => `${id}/screen`;

export class Tiles {
  /** @type {Map<string, Tile>} */
  #tiles = new Map(); // by id of the member, or of its screen
  #names = new Map();
  #pinned = "";
  #onretry;

  /** @param {{onretry: (id: string) => void}} listeners */
  constructor({ onretry }) {
    this.#onretry = onretry;
    new ResizeObserver(() => this.arrange()).observe($("tiles"));
  }

  /** Shows a tile for each member, ours first. @param {{id: string, name: string, hand: boolean, self: boolean}[]} members */
  members(members) {
    const here = new Set(members.map((m) => m.id));
    for (const id of this.#names.keys()) if (!here.has(id)) this.#remove(id);
    for (const { id, name, hand, self } of members) {
      this.#names.set(id, { name, self });
      const tile = this.#tiles.get(id) ?? this.#add(id, name, { self });
      tile.rename(name);
      tile.hand.hidden = !hand;
      this.#tiles.get(screenOf(id))?.rename(name);
    }
    $("alone").hidden = members.length !== 1;
    this.arrange();
  }

  clear() {
    for (const id of [...this.#names.keys()]) this.#remove(id);
    this.#pinned = "";
  }

  /** @param {string} id @param {MediaStream|null} stream */
  show(id, stream, mirror = false) {
    this.#tiles.get(id)?.show(stream);
    this.#tiles.get(id)?.root.classList.toggle("mirror", mirror);
  }

  /** Shows the screen of a member in a tile of its own; null for none. @param {string} id @param {MediaStream|null|undefined} stream */
  screen(id, stream) {
    const key = screenOf(id);
    const owner = this.#names.get(id);
    if (!stream || !owner) {
      if (this.#close(key)) this.arrange();
      return;
    }
    const tile = this.#tiles.get(key) ?? this.#add(key, owner.name, { self: owner.self, screen: true });
    tile.root.classList.add("seen");
    tile.show(stream);
    this.arrange();
  }

  /** @param {string} id @param {{mic: boolean, cam: boolean}} status */
  status(id, status) {
    this.#tiles.get(id)?.status(status);
  }

  /** @param {string} id @param {string} state of the peer */
  state(id, state) {
    this.#tiles.get(id)?.state(state);
  }

  /** @param {string} id @param {string} level of the connection's quality */
  quality(id, level) {
    const tile = this.#tiles.get(id);
    if (tile) tile.weak.hidden = level !== "poor";
  }

  /** Marks who speaks; "" for nobody. */
  speaking(active) {
    for (const [id, tile] of this.#tiles) tile.root.classList.toggle("speaking", id === active);
  }

  /** Plays all on a speaker. */
  speaker(id) {
    for (const tile of this.#tiles.values()) listenOn(tile, id);
  }

  /** Sizes the tiles: the pinned one is large, else the last screen that was shared. */
  arrange() {
    const stage = $("tiles");
    const { clientWidth, clientHeight } = stage;
    if (!clientWidth || !clientHeight) return;
    const large = this.#tiles.get(this.#pinned) ?? [...this.#tiles.values()].findLast((t) => t.screen);
    const n = this.#tiles.size + ($("alone").hidden ? 0 : 1);
    const sizes = large ? spotlight(n - 1, clientWidth, clientHeight) : { small: grid(n, clientWidth, clientHeight), large: null };
    stage.dataset.layout = large ? "spotlight" : "grid";
    stage.dataset.count = String(this.#tiles.size);
    for (const tile of this.#tiles.values()) {
      tile.root.classList.toggle("large", tile === large);
      size(tile.root, (tile === large && sizes.large) || sizes.small);
    }
    size($("alone"), sizes.small);
  }

  #add(key, name, options) {
    const id = key.split("/")[0];
    const tile = new Tile(name, { ...options, onretry: () => this.#onretry(id), onpin: () => this.#pin(key) });
    tile.root.dataset[options.screen ? "screen" : "peer"] = id;
    listenOn(tile, choice("speaker"));
    this.#tiles.set(key, tile);
    $("tiles").insertBefore(tile.root, $("alone"));
    return tile;
  }

  #pin(key) {
    this.#pinned = this.#pinned === key ? "" : key;
    for (const [id, tile] of this.#tiles) tile.pinned(id === this.#pinned);
    this.arrange();
  }

  #remove(id) {
    this.#names.delete(id);
    this.#close(id);
    this.#close(screenOf(id));
  }

  #close(key) {
    this.#tiles.get(key)?.close();
    return this.#tiles.delete(key);
  }
}

function listenOn(tile, speaker) {
  if (!tile.self && "setSinkId" in tile.video) tile.video.setSinkId(speaker).catch(() => {}); // unplugged: the browser's choice does
}

function size(element, { width, height }) {
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
}
