// A WebSocket whose other end is the test. opened() waits for the next one.

export function fakeSockets() {
  const waiting = [];
  const unseen = [];

  class FakeSocket {
    readyState = 0;
    bufferedAmount = 0;
    sent = [];

    constructor(url) {
      this.url = url;
      const wait = waiting.shift();
      if (wait) wait(this);
      else unseen.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close(code) {
      this.closedWith = code;
      this.readyState = 3;
    }

    // --- the other end ---

    open() {
      this.readyState = 1;
      this.onopen?.();
    }

    say(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }

    greet(id, data = {}) {
      this.say({ type: "info", event: "Client_Details", data: { id, session: `token of ${id}`, resumed: false, ...data } });
    }

    drop(code = 1006) {
      this.readyState = 3;
      this.onclose?.({ code });
    }
  }

  return {
    FakeSocket,
    opened: () => (unseen.length > 0 ? Promise.resolve(unseen.shift()) : new Promise((resolve) => waiting.push(resolve))),
    /** Sockets that were opened and not used by the test. */
    get unseen() {
      return unseen.length;
    },
  };
}

export const soon = { base: 1, cap: 1 }; // backoff for tests
