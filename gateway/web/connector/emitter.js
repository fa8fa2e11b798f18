// Emitter calls listeners in the order in which they were added. One that throws
// is reported to the page's error handler and does not keep the others from
// being called: a mistake in a page must not stop the connection.
export class Emitter {
  #listeners = new Map();

  /** Calls fn with the event's value each time; returns a function that ends that. */
  on(name, fn) {
    const list = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, list.add(fn));
    return () => list.delete(fn);
  }

  /** A promise of the event's next value. */
  once(name) {
    return new Promise((resolve) => {
      const off = this.on(name, (value) => {
        off();
        resolve(value);
      });
    });
  }

  /** Whether anybody listens. */
  heard(name) {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

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

// report is reportError, which Node does not have: there an error that nobody
// catches is an uncaughtException of the process.
function report(err) {
  if (globalThis.reportError) globalThis.reportError(err);
  else setTimeout(() => { throw err; });
}
