package browser

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
)

// guest is a tab that shows the demo.
type guest struct{ *tab }

// openDemo opens the demo of gateway i and joins room, with the fake camera.
func openDemo(t *testing.T, b *browser, stack *kit.Stack, i int, name, room string) *guest {
	t.Helper()
	return joinDemo(t, b, stack.HTTP(i)+"demo", name, room)
}

func joinDemo(t *testing.T, b *browser, address, name, room string) *guest {
	t.Helper()
	g := &guest{b.open(t, name, address+"#"+url.PathEscape(room))}
	g.until("the lobby shows the room", `document.getElementById("lobby-room").value === %s`, js(room))
	g.join()
	return g
}

// join enters the room under the tab's name.
func (g *guest) join() {
	g.t.Helper()
	g.fill("#lobby-name", g.name)
	g.click("#join")
	g.until("the call is shown", `!document.getElementById("call").hidden`)
}

// decoded is an expression for the number of decoded video frames, by peer.
const decoded = `(async () => {
	const out = {};
	for (const [id, peer] of demo.p2p.peers) {
		out[id] = 0;
		for (const s of (await peer.pc.getStats()).values()) if (s.type === "inbound-rtp" && s.kind === "video") out[id] += s.framesDecoded ?? 0;
	}
	return out;
})()`

// sees waits until video of n others arrives and is shown in tiles.
func (g *guest) sees(n int) {
	g.t.Helper()
	g.until("there is a tile for everyone", `document.querySelectorAll("#tiles .tile").length === %d`, n+1)
	g.pictures(n)
	g.until("every tile shows its picture", `[...document.querySelectorAll("#tiles .tile")].every((t) => t.classList.contains("seen") && t.querySelector("video").videoWidth > 0)`)
}

// pictures waits until new video frames of n others have been decoded.
func (g *guest) pictures(n int) {
	g.t.Helper()
	var before map[string]int
	g.eval(&before, decoded)
	b := js(before)
	g.until("pictures arrive from everyone", `(async () => { const now = await (%s), before = %s;
		return Object.keys(now).length === %d && Object.entries(now).every(([id, frames]) => frames > (before[id] ?? 0) + 3); })()`, decoded, b, n)
}

func (g *guest) id() string {
	g.t.Helper()
	var id string
	g.eval(&id, "demo.p2p.id")
	return id
}

// says writes a chat message; hears waits for a line of the chat.
func (g *guest) says(text string) {
	g.t.Helper()
	g.fill("#chat-text", text)
	g.click("#chat-form button")
}

func (g *guest) hears(text string) {
	g.t.Helper()
	g.until("the chat shows "+text, `document.getElementById("messages").innerText.includes(%s)`, js(text))
}

func (g *guest) banner(text string) {
	g.t.Helper()
	g.until("the banner says "+text, `document.getElementById("banner").textContent.includes(%s)`, js(text))
}

func TestDemo_TwoGuests_SeeAndHearEachOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 3, RoomServices: 2})
	room := "garden table/7"
	ann := openDemo(t, b, stack, 0, "Ann", room)
	bob := openDemo(t, b, stack, 1, "Bob", room)
	cleo := openDemo(t, b, stack, 2, "Cleo", room)
	all := []*guest{ann, bob, cleo}

	for _, g := range all {
		g.sees(2)
		g.until("the list names everyone, the host first and marked", `(() => { const rows = [...document.querySelectorAll("#people li")].map((r) => r.innerText);
			return rows.length === 3 && rows[0].includes("Ann") && rows[0].includes("host") && rows[1].includes("Bob") && rows[2].includes("Cleo"); })()`)
		g.until("the quality is in words, with the figures behind", `[...document.querySelectorAll("#people details")].filter((d) => /Good|Fair|Poor/.test(d.innerText) && /\d ms · ([1-9]\d* kbit|[\d.]+ Mbit).* % lost/.test(d.querySelector(".figures").textContent)).length === 2`)
	}

	ann.says("hello <b>everyone</b>")
	for _, g := range all[1:] {
		g.hears("hello <b>everyone</b>")
	}
	bob.says("hello Ann")
	ann.hears("hello Ann")

	sendFile(t, bob, ann, cleo)
	hostLocks(t, b, stack, room, ann, bob)
	gatewayRestarts(t, stack, 1, bob, ann, cleo)
	hostRemoves(ann, bob, cleo)
}

// sendFile sends 5 MiB to everyone; one guest accepts, one declines.
func sendFile(t *testing.T, from, takes, declines *guest) {
	t.Helper()
	content := make([]byte, 5<<20)
	rand.Read(content)
	path := filepath.Join(t.TempDir(), "picture of a cat.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	from.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
	for _, g := range []*guest{takes, declines} {
		g.until("the file is offered", `document.querySelector("#files li")?.innerText.includes("picture of a cat.bin")`)
	}
	declines.click("#files li .button.quiet")
	takes.click("#files li .button")
	takes.until("the file is here", `document.querySelector("#files li").dataset.state === "done"`)
	var got string
	takes.eval(&got, `(async () => { const sum = await crypto.subtle.digest("SHA-256", await document.querySelector("#files li").transfer.file.arrayBuffer());
		return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join(""); })()`)
	sum := sha256.Sum256(content)
	if want := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the file arrived with SHA-256 %s, sent was %s", got, want)
	}
	takes.until("it can be saved under its name", `document.querySelector("#files li a").download === "picture of a cat.bin"`)
	from.until("the sender sees one done, one declined", `(() => { const states = [...document.querySelectorAll("#files li")].map((f) => f.dataset.state).sort().join();
		return states === "done,failed"; })()`)
	for _, g := range []*guest{from, takes} {
		g.until("the bar is full", `(() => { const bar = document.querySelector('#files li[data-state="done"] progress'); return bar.value === bar.max; })()`)
	}
}

// hostLocks locks the room: a newcomer sees that it is locked, until the host unlocks
// it.
func hostLocks(t *testing.T, b *browser, stack *kit.Stack, room string, host, other *guest) {
	t.Helper()
	other.until("only the host may lock", `document.getElementById("host").hidden`)
	host.click("#lock")
	other.until("the lock is shown", `!document.getElementById("locked").hidden`)
	late := b.open(t, "Dan", stack.HTTP(0)+"demo#"+url.PathEscape(room))
	late.fill("#lobby-name", "Dan")
	late.click("#join-quiet")
	late.until("it says that the room is locked", `document.getElementById("lobby-problem").textContent.includes("locked")`)
	host.click("#lock")
	other.until("the lock is gone", `document.getElementById("locked").hidden`)
}

// gatewayRestarts restarts the gateway of one guest: the call continues meanwhile, and
// afterwards everything works.
func gatewayRestarts(t *testing.T, stack *kit.Stack, i int, on *guest, others ...*guest) {
	t.Helper()
	before := on.id()
	stack.StopGateway(t, i)
	on.until("it says that it is reconnecting", `/econnecting|Trying again/.test(document.getElementById("banner").textContent)`)
	on.sees(2) // video continues meanwhile
	for _, g := range others {
		g.sees(2)
	}
	stack.StartGateway(t, i)
	on.banner("Connected again")
	if id := on.id(); id != before {
		t.Errorf("the peer %s is %s after the restart", before, id)
	}
	on.says("back again")
	for _, g := range others {
		g.hears("back again")
		g.sees(2)
		var chat string
		g.eval(&chat, `document.getElementById("messages").innerText`)
		if strings.Contains(chat, "left") || strings.Contains(chat, "lost the connection") {
			t.Errorf("%s was told that somebody went: %s", g.name, chat)
		}
	}
}

func hostRemoves(host, removed, stays *guest) {
	host.t.Helper()
	stays.until("only the host may remove", `[...document.querySelectorAll("#people .danger")].every((r) => r.hidden)`)
	host.click(`#people li[data-member="` + removed.id() + `"] .danger`)
	host.until("it asks first", `document.getElementById("ask").open && document.getElementById("ask-title").textContent === "Remove %s?"`, removed.name)
	host.click("#ask [data-close]")
	host.until("nothing has happened", `!document.getElementById("ask").open && demo.room.has(%s)`, js(removed.id()))
	host.click(`#people li[data-member="` + removed.id() + `"] .danger`)
	host.click("#ask-confirm")
	removed.until("it is back in the lobby, which says why", `!document.getElementById("lobby").hidden && document.getElementById("call").hidden
		&& document.getElementById("lobby-problem").textContent.includes("The host removed you")`)
	for _, g := range []*guest{host, stays} {
		g.sees(1)
		g.hears("was removed by the host")
	}
	host.click("#leave")
	stays.until("the next one is host", `document.querySelector("#people li").innerText.includes("host") && !document.getElementById("host").hidden`)
	stays.hears("Ann left")
}

// TestDemo_GatewayEnds_MovesToAnother stops a gateway for good while a page knows the port of
// another.
func TestDemo_GatewayEnds_MovesToAnother(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	first, stop := openGateway(t, stack)
	second, _ := openGateway(t, stack)
	ann := joinDemo(t, b, "http://"+first+"/demo?ports="+second[strings.LastIndexByte(second, ':')+1:], "Ann", "move")
	bob := joinDemo(t, b, "http://"+second+"/demo", "Bob", "move")
	ann.sees(1)
	before := ann.id()
	stop()
	ann.banner("Connected again")
	ann.says("from the other one")
	bob.hears("from the other one")
	bob.sees(1)
	if id := ann.id(); id != before {
		t.Errorf("the peer %s is %s now", before, id)
	}
}

// openGateway adds a gateway to stack that accepts pages from all ports of this host,
// until stop, or the end of the test.
func openGateway(t *testing.T, stack *kit.Stack) (addr string, stop func()) {
	t.Helper()
	return addGateway(t, stack, gateway.Config{AllowedOrigins: "http://127.0.0.1:*"})
}

// addGateway adds a gateway with settings of its own to stack, until stop, or the end of
// the test.
func addGateway(t *testing.T, stack *kit.Stack, cfg gateway.Config) (addr string, stop func()) {
	t.Helper()
	cfg.Listen, cfg.DrainWindow = "127.0.0.1:0", 500*time.Millisecond
	cfg.NATSOptions = []nats.Option{nats.InProcessServer(stack.NATS(0))}
	gw, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- gw.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("gateway: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-gw.Ready():
	case err := <-done:
		done <- err
		t.Fatalf("the gateway ended at its start: %v", err)
	}
	return gw.Addr().String(), stop
}

// TestDemo_SixGuests_AllSeeEachOther fills a room. The seventh sees that it is full, and a guest that reloads
// the page is back at once.
func TestDemo_SixGuests_AllSeeEachOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 3, RoomServices: 2})
	var all []*guest
	for i := range 6 {
		g := &guest{b.open(t, "Guest"+string(rune('A'+i)), stack.HTTP(i%3)+"demo#six")}
		g.fill("#lobby-name", g.name)
		g.click("#join-quiet")
		g.until("the call is shown", `!document.getElementById("call").hidden`)
		all = append(all, g)
	}
	everyone := func() {
		t.Helper()
		for _, g := range all {
			g.until("everyone is connected with everyone", `demo.p2p.peers.size === 5 && [...demo.p2p.peers.values()].every((p) => p.state === "connected" && p.data.readyState === "open")
				&& document.querySelectorAll("#people li").length === 6 && document.querySelectorAll(".tile").length === 6`)
		}
	}
	everyone()
	late := b.open(t, "late", stack.HTTP(0)+"demo#six")
	late.click("#join-quiet")
	late.until("it says that the room is full", `document.getElementById("lobby-problem").textContent.includes("full")`)

	back := all[2]
	id := back.id()
	back.do(chromedp.Reload())
	back.until("it is back in the call", `!document.getElementById("call").hidden && demo.room`)
	if got := back.id(); got != id {
		t.Errorf("after the reload the peer is %s, want %s", got, id)
	}
	everyone()
}

// TestDemo_DeviceChosen_ReplacesTheTrack mutes, stops the camera, and shares the screen.
func TestDemo_DeviceChosen_ReplacesTheTrack(t *testing.T) {
	b := startBrowser(t, chromedp.Flag("auto-select-desktop-capture-source", "Entire screen"), chromedp.Flag("auto-select-tab-capture-source-by-title", "devices"))
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "devices")
	bob := openDemo(t, b, stack, 0, "Bob", "devices")
	bob.sees(1)
	tile := `document.querySelector('.tile[data-peer="` + ann.id() + `"]')`
	bob.until("she is heard", `!%s.innerText.includes("muted")`, tile)
	ann.click("#mic")
	bob.until("she is muted", `%s.innerText.includes("muted")`, tile)
	ann.eval(nil, `void (globalThis.closedCamera = demo.media.cam)`)
	ann.click("#cam")
	bob.until("her picture is gone", `!%s.classList.contains("seen")`, tile)
	ann.until("her camera is closed, and its light with it", `closedCamera.readyState === "ended"`)
	ann.click("#screen")
	bob.until("her screen is shown, large and with its name", `(() => { const s = document.querySelector(".tile.screen.large");
		return s?.innerText.includes("Ann’s screen") && s.querySelector("video").videoWidth > 0; })()`)
	bob.pictures(1)
	ann.click("#screen")
	bob.until("the screen is gone", `!document.querySelector(".tile.screen")`)
	ann.click("#cam")
	ann.click("#mic")
	bob.until("all is as before", `%s.classList.contains("seen") && !%s.innerText.includes("muted")`, tile, tile)
	bob.sees(1)
}

// TestDemo_CameraOpensTooLate_IsClosed leaves while the browser still opens the camera,
// and clicks twice meanwhile: no camera stays open without a viewer.
func TestDemo_CameraOpensTooLate_IsClosed(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#late")}
	ann.fill("#lobby-name", "Ann")
	ann.click("#join-quiet")
	ann.until("the call is shown", `!document.getElementById("call").hidden`)
	ann.eval(nil, `(() => { const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
		globalThis.opened = [];
		devices.getUserMedia = async (what) => { await new Promise((resolve) => (globalThis.letOpen = resolve)); const s = await open(what); opened.push(...s.getTracks()); return s; }; })()`)
	ann.click("#cam")
	ann.click("#cam")
	ann.click("#leave")
	ann.eval(nil, "letOpen()")
	ann.until("what was opened is closed again", `opened.length === 1 && opened[0].readyState === "ended"`)
}

// TestDemo_ConnectedAgain_SaysWhetherSomethingWasLost passes both answers of the
// connector to the page; the connector's tests check that it gives the right one.
func TestDemo_ConnectedAgain_SaysWhetherSomethingWasLost(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "again")
	ann.eval(nil, `void demo.p2p.emit("resumed", { recovered: true })`)
	ann.banner("Nothing was lost")
	ann.eval(nil, `void demo.p2p.emit("resumed", { recovered: false })`)
	ann.banner("may be lost")
}

// TestDemo_NoCamera_StillReceives joins where the browser refuses the camera.
func TestDemo_NoCamera_StillReceives(t *testing.T) {
	b := startBrowser(t, chromedp.Flag("use-fake-ui-for-media-stream", false), chromedp.Flag("deny-permission-prompts", true))
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "dark")
	bob := openDemo(t, b, stack, 0, "Bob", "dark")
	for _, g := range []*guest{ann, bob} {
		g.until("it says what to do", `/refused.*Allow it/.test(document.getElementById("media-notice").textContent)`)
		g.until("the call is up", `[...demo.p2p.peers.values()].length === 1 && [...demo.p2p.peers.values()].every((p) => p.state === "connected")`)
		g.until("tiles show letters, and who is muted", `(() => { const tiles = [...document.querySelectorAll(".tile")];
			return tiles.length === 2 && tiles.every((t) => !t.classList.contains("seen") && t.innerText.includes("muted")); })()`)
	}
	ann.says("I see nothing")
	bob.hears("I see nothing")
	ann.click("#leave")
	bob.until("she is gone", `document.querySelectorAll(".tile").length === 1`)
}
