// Runs bittorrent-tracker's own server: tracker.mjs --port PORT SERVER.JS. Its program also loads
// the client, which needs a native library.
const [, , , port, module] = process.argv;
const { default: Server } = await import(module);
const server = new Server({ http: false, udp: false, ws: true, stats: false });
server.on("error", (e) => console.error(e));
server.listen(Number(port), "127.0.0.1");
