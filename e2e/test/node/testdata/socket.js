// A WebSocket that behaves as that of the npm package ws does: it is an
// EventEmitter, an error is thrown when nobody listens to it, and setting
// onerror to null is not listening.

import { EventEmitter } from "node:events";

const Native = globalThis.WebSocket;

export class Socket extends EventEmitter {
  #native;
  #handlers = {};

  constructor(url) {
    super();
    this.#native = new Native(url);
    const pass = { open: () => ({}), message: (e) => ({ data: e.data }), close: (e) => ({ code: e.code }), error: (e) => e.error ?? new Error("no connection") };
    for (const [name, what] of Object.entries(pass)) this.#native.addEventListener(name, (e) => this.emit(name, what(e)));
    for (const name of Object.keys(pass)) {
      Object.defineProperty(this, `on${name}`, { set: (fn) => this.#handle(name, fn) });
    }
  }

  #handle(name, fn) {
    if (this.#handlers[name]) this.off(name, this.#handlers[name]);
    this.#handlers[name] = fn;
    if (fn) this.on(name, fn);
  }

  get readyState() {
    return this.#native.readyState;
  }

  get bufferedAmount() {
    return this.#native.bufferedAmount;
  }

  send(text) {
    this.#native.send(text);
  }

  close(code) {
    this.#native.close(code);
  }
}
