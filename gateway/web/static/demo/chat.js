// The chat: messages of the room, which pass through the server.

import { $, el } from "./dom.js";

const maxShown = 300;

export class Chat {
  #send;

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
      this.#add(el("li", {}, el("span", { class: "by" }, "You"), text));
      $("chat-text").value = "";
    });
  }

  show(name, text) {
    this.#add(el("li", {}, el("span", { class: "by" }, name), text));
  }

  /** Something that happened: who came, what failed. */
  note(text) {
    this.#add(el("li", { class: "note" }, text));
  }

  #add(item) {
    const list = $("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(item);
    while (list.childElementCount > maxShown) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}
