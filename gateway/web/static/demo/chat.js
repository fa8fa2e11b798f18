// @ts-check
// The chat: messages of the room, which pass through the server, and notes about
// what happens in it.

import { announce } from "./announce.js";
import { $, el } from "./dom.js";
import { withLinks } from "./links.js";

const maxShown = 300;
const maxKept = 100; // over a reload
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** @typedef {{by: string, text: string, at: number}} Line by is "" for a note */

export class Chat {
  #send;
  /** @type {Line[]} */
  #lines = [];
  #unread = 0;

  /** @param {(text: string) => void} send */
  constructor(send) {
    this.#send = send;
    $("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = $("chat-text").value.trim();
      if (!text) return;
      try {
        this.#send(text);
      } catch (err) {
        return this.note(err.message);
      }
      this.#add({ by: "You", text, at: Date.now() }, true);
      $("chat-text").value = "";
    });
    $("messages").addEventListener("scroll", () => this.read());
    document.addEventListener("visibilitychange", () => this.read());
  }

  /** The last lines, to be shown again after a reload. */
  get lines() {
    return this.#lines.slice(-maxKept);
  }

  /** @param {Line[]} lines */
  restore(lines) {
    for (const line of lines) this.#add(line, true);
    this.read();
  }

  show(name, text) {
    this.#add({ by: name, text, at: Date.now() });
    announce(`${name}: ${text}`);
  }

  /** Something that happened: who came, what failed. */
  note(text) {
    this.#add({ by: "", text, at: Date.now() }, true);
    announce(text);
  }

  /** Takes the mark away when the last message is seen. */
  read() {
    if (!this.#seen()) return;
    this.#unread = 0;
    this.#mark();
  }

  clear() {
    this.#lines = [];
    this.#unread = 0;
    $("messages").replaceChildren();
    this.#mark();
  }

  #add(line, own = false) {
    const list = $("messages");
    const atEnd = this.#atEnd();
    const seen = this.#seen();
    const time = el("time", { datetime: new Date(line.at).toISOString() }, clock.format(line.at));
    list.append(line.by
      ? el("li", {}, el("span", { class: "by" }, line.by), time, el("span", { class: "text" }, ...withLinks(line.text)))
      : el("li", { class: "note" }, line.text, " ", time));
    while (list.childElementCount > maxShown) list.firstElementChild.remove();
    this.#lines = [...this.#lines, line].slice(-maxKept);
    if (atEnd || own) list.scrollTop = list.scrollHeight;
    if (!own && !seen) this.#unread++;
    this.#mark();
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = $("messages");
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  #seen() {
    return !document.hidden && $("messages").checkVisibility() && this.#atEnd();
  }

  #mark() {
    $("unread").hidden = this.#unread === 0;
    $("unread").textContent = String(this.#unread);
    $("chat-label").textContent = this.#unread ? `Chat, ${this.#unread} new` : "Chat";
  }
}
