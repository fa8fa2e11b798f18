// Emitter calls listeners in the order in which they were added. One that throws
// is reported to the page's error handler and does not keep the others from
// being called: a mistake in a page must not stop the connection.

/** @import { Emitter as Declared } from "../connector.js" */

/**
 * @template Events
 * @implements {Declared<Events>}
 */
export class Emitter {
  /** @type {Map<PropertyKey, Set<(value: any) => void>>} */
  #listeners = new Map();

  /**
   * Calls fn with the event's value each time; returns a function that ends that.
   * @template {keyof Events} K
   * @param {K} name @param {(value: Events[K]) => void} fn
   * @returns {() => void}
   */
  on(name, fn) {
    const list = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, list.add(fn));
    return () => list.delete(fn);
  }

  /**
   * A promise of the event's next value.
   * @template {keyof Events} K
   * @param {K} name @returns {Promise<Events[K]>}
   */
  once(name) {
    return new Promise((resolve) => {
      const off = this.on(name, (value) => {
        off();
        resolve(value);
      });
    });
  }

  /**
   * Calls the listeners of the event.
   * @template {keyof Events} K
   * @param {K} name @param {Events[K]} value
   */
  emit(name, value) {
    for (const fn of [...(this.#listeners.get(name) ?? [])]) {
      try {
        fn(value);
      } catch (err) {
        report(err);
      }
    }
  }
}

/**
 * report is reportError, which Node does not have: there an error that nobody
 * catches is an uncaughtException of the process.
 * @param {unknown} err
 */
function report(err) {
  if (globalThis.reportError) globalThis.reportError(err);
  else setTimeout(() => { throw err; });
}
