package browser

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"p2pconnector/e2e/examples/serve"
	"p2pconnector/e2e/kit"
)

// example serves the page of an example until the test ends and returns its URL.
func example(t *testing.T, name, gateway string) string {
	t.Helper()
	return serveExample(t, name, os.DirFS(filepath.Join("../../examples", name)), gateway)
}

// serveExample is example with the files of the page.
func serveExample(t *testing.T, name string, files fs.FS, gateway string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serve.Run(ctx, name, files, []string{"--listen", "localhost:0", "--gateway", gateway}, io.Discard, io.Discard,
			func(page, _ string) { ready <- page })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server of the example %s: %v", name, err)
		}
	})
	select {
	case page := <-ready:
		return page
	case err := <-done:
		done <- nil
		t.Fatalf("the server of the example %s: %v", name, err)
		return ""
	}
}

func TestExampleChat_Message_ReachesTheOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	one := b.open(t, "one", example(t, "chat", stack.HTTP(0)))
	two := b.open(t, "two", example(t, "chat", stack.HTTP(1)))
	// A message sent before both are in the room reaches nobody, so it is sent again.
	one.until("what was said is shown", `(() => { const say = document.getElementById("say"); say.value = "anybody here?"; say.dispatchEvent(new Event("change"));
		return document.getElementById("log").innerText.includes("You: anybody here?"); })()`)
	two.until("it is answered", `(() => { const say = document.getElementById("say"); say.value = "yes"; say.dispatchEvent(new Event("change"));
		return document.getElementById("log").innerText.includes("You: yes"); })()`)
	one.until("the answer came, with the name", `document.getElementById("log").innerText.includes("Ada: yes")`)
}

func TestExampleVideoCall_TwoPages_SeeEachOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	var tabs []*tab
	for i := range 3 {
		tabs = append(tabs, b.open(t, fmt.Sprint("tab ", i), example(t, "videocall", stack.HTTP(i%2))))
	}
	for _, p := range tabs {
		p.until("two others are seen", `(() => { const all = [...document.querySelectorAll("video")];
			return all.length === 2 && all.every((v) => v.videoWidth > 0 && v.currentTime > 0.2); })()`)
	}
}

func TestExampleDrawing_Stroke_ReachesTheOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	stroke := `(() => { const sheet = document.getElementById("sheet");
		const at = (type, x, y) => (type === "pointerup" ? window : sheet).dispatchEvent(new PointerEvent(type, { clientX: x, clientY: sheet.getBoundingClientRect().top + y, bubbles: true }));
		at("pointerdown", 100, 100); for (let i = 0; i < 50; i++) at("pointermove", 100 + 3 * i, 100 + i); at("pointerup", 250, 150); })()`
	ink := `(() => { const sheet = document.getElementById("sheet"); const { data } = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
		let n = 0; for (let i = 3; i < data.length; i += 4) if (data[i]) n++; return n; })()`
	one := b.open(t, "one", example(t, "drawing", stack.HTTP(0)))
	one.until("it is ready", `document.getElementById("others").textContent === "0 others are here."`)
	one.eval(nil, "%s", stroke)
	var drawn int
	one.eval(&drawn, "%s", ink)
	if drawn < 200 {
		t.Fatalf("got a line of %d dots, want 200 or more", drawn)
	}
	two := b.open(t, "two", example(t, "drawing", stack.HTTP(1)))
	two.until("who comes late gets the line", `%s > %d`, ink, drawn*9/10)
	one.until("the other is counted", `document.getElementById("others").textContent === "1 other is here."`)
	two.eval(nil, `document.getElementById("sheet").getContext("2d").clearRect(0, 0, 9999, 9999)`)
	one.eval(nil, "%s", stroke)
	two.until("a new line comes", `%s > %d`, ink, drawn*9/10)
}

func TestExampleYjs_TwoPages_HaveTheSameText(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	html, err := os.ReadFile("../../examples/yjs/index.html")
	if err != nil {
		t.Fatal(err)
	}
	lib := bundle(t, install(t, yjsPackages), "esm", `export { WebrtcProvider } from "y-webrtc"; export { Doc } from "yjs";`)
	files := fstest.MapFS{"index.html": {Data: html}, "lib.js": {Data: []byte(lib)}}
	one, two := b.open(t, "one", serveExample(t, "yjs", files, stack.HTTP(0))), b.open(t, "two", serveExample(t, "yjs", files, stack.HTTP(1)))
	for _, p := range []*tab{one, two} {
		p.until("the other one is there", `document.querySelector("#others").textContent === "1 others are here."`)
	}
	write := func(p *tab, text string) {
		p.eval(nil, `(() => { const a = document.querySelector("#text"); a.value = %q; a.dispatchEvent(new Event("input")); })()`, text)
	}
	shows := func(p *tab, text string) { p.until(text, `document.querySelector("#text").value === %q`, text) }
	write(one, "a b c")
	shows(two, "a b c")
	write(two, "a B b c")
	shows(one, "a B b c")
	write(one, "B c")
	shows(two, "B c")
}

func TestExampleGoPeer_PageCalls_IsAnswered(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	url := program(t, "p2pconnector/e2e/examples/gopeer", "--listen", "localhost:0", "--gateway", stack.HTTP(0))
	for _, name := range []string{"first", "second"} {
		p := b.open(t, name, url)
		p.until("the program is connected", `!document.getElementById("say").disabled`)
		p.fill("#say", "hello from the "+name+"\n")
		p.until("it sends back what was said", `/Go: hello from the %s \(\d+ ms\)/.test(document.getElementById("log").innerText)`, name)
	}
}

func TestExamplePeerJS_TwoPages_SeeEachOther(t *testing.T) {
	b := startBrowser(t)
	page, err := os.ReadFile("../../examples/peerjs/index.html")
	if err != nil {
		t.Fatal(err)
	}
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	files := fstest.MapFS{"index.html": {Data: page}, "peerjs.min.js": {Data: []byte(peerjsScript(t))}}
	one := b.open(t, "one", serveExample(t, "peerjs", files, stack.HTTP(0)))
	var link string
	one.until("it has its id", `document.querySelector("a") !== null`)
	one.eval(&link, `document.querySelector("a").getAttribute("href")`)
	two := b.open(t, "two", serveExample(t, "peerjs", files, stack.HTTP(1))+link)
	for _, p := range []*tab{one, two} {
		p.until("the other is seen", `[...document.querySelectorAll("video")].some((v) => v.videoWidth > 0 && v.currentTime > 0.2)`)
	}
}

// TestExamplePeerJS_NoNetwork_SaysWhatToDo: the page comes from neither place.
func TestExamplePeerJS_NoNetwork_SaysWhatToDo(t *testing.T) {
	b := startBrowser(t)
	page, err := os.ReadFile("../../examples/peerjs/index.html")
	if err != nil {
		t.Fatal(err)
	}
	gone := strings.Replace(string(page), "https://cdn.jsdelivr.net/", "http://127.0.0.1:1/", 1)
	p := b.open(t, "page", serveExample(t, "peerjs", fstest.MapFS{"index.html": {Data: []byte(gone)}}, "http://127.0.0.1:1"))
	p.until("it says so", `document.getElementById("say").textContent.includes("npm install peerjs")`)
	p.mu.Lock()
	p.problems = nil // those of the two scripts that did not come
	p.mu.Unlock()
}
