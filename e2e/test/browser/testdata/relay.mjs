// Runs a relay of nostr: relay.mjs --port PORT FOLDER. The packages in FOLDER make the relay,
// except what a relay stores. Trystero's events are ephemeral, so this relay stores none.
import { createRequire } from "node:module";

const [, , , port, folder] = process.argv;
const load = createRequire(`${folder}/package.json`);
const { NostrRelay } = load("@nostr-relay/core");
const { EventRepository } = load("@nostr-relay/common");
const { Validator } = load("@nostr-relay/validator");
const { WebSocketServer } = load("ws");

class NoStore extends EventRepository {
  isSearchSupported = () => false;
  upsert() {
    throw new Error("this relay stores no events");
  }
  find = () => [];
  async destroy() {}
}

const relay = new NostrRelay(new NoStore());
const validator = new Validator();
new WebSocketServer({ host: "127.0.0.1", port: Number(port) }).on("connection", (socket) => {
  relay.handleConnection(socket);
  socket.on("close", () => relay.handleDisconnect(socket));
  socket.on("error", (e) => console.error(e));
  socket.on("message", async (data) => {
    try {
      await relay.handleMessage(socket, await validator.validateIncomingMessage(data));
    } catch (e) {
      socket.send(JSON.stringify(["NOTICE", e.message]));
    }
  });
});
