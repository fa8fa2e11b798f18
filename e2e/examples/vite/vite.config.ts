import { defineConfig } from "vite";

// The page's own server forwards the WebSocket to a gateway, so both have one origin.
export default defineConfig({
  base: "./",
  server: { proxy: { "/ws": { target: "http://localhost:8080", ws: true } } },
});
