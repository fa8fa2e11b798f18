import { Connector } from "/connector.js";
import { fakeSockets, soon } from "./fakesocket.js";
import { equal, ok, test } from "./harness.js";

// warnings are those of connectors that are greeted with these versions, one after the other.
async function warnings(...greetings) {
  const warn = console.warn;
  const said = [];
  console.warn = (text) => said.push(text);
  try {
    for (const versions of greetings) {
      const net = fakeSockets();
      const p2p = new Connector("ws://one/?access_token=secret", { WebSocket: net.FakeSocket, backoff: soon });
      const socket = await net.opened();
      socket.open();
      socket.greet("me", { versions });
      ok(p2p.isOpen, "it is served all the same");
      p2p.close();
    }
  } finally {
    console.warn = warn;
  }
  return said;
}

test("a server that speaks our version, or announces none, is no reason to warn", async () => {
  equal(await warnings([1], undefined, [1, 2]), []);
});

test("a server that does not speak our version is warned about once, and both are named", async () => {
  const said = await warnings([2, 3], [2, 3]);
  equal(said.length, 1, "warnings");
  for (const part of ["version 1 of", "ws://one/ speaks version 2, 3"]) ok(said[0].includes(part), `${part} in ${said[0]}`);
  ok(!said[0].includes("secret"), said[0]);
});
