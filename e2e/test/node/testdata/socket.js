// A WebSocket that behaves like that of the npm package ws: it is an
// EventEmitter, an error is thrown when it has no listener, and setting onerror
// to null does not count as a listener.

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
