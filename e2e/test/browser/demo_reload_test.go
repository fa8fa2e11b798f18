package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// TestDemo_Reload_KeepsPeerAndDevices reloads the page of a guest who is muted: the guest is in the same
// call as the same peer, with the camera on, the microphone off and the chat as it was, and nobody is
// shown that anybody left.
func TestDemo_Reload_KeepsPeerAndDevices(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "reload")
	bob := openDemo(t, b, stack, 1, "Bob", "reload")
	ann.sees(1)
	bob.says("before the reload")
	ann.hears("before the reload")
	ann.click("#mic")
	ann.click("#hand")
	bob.until("her hand is up", `[...document.querySelectorAll(".tile .hand")].some((h) => !h.hidden)`)
	before := ann.id()
	ann.do(chromedp.Reload())
	ann.until("she is in the call without asking", `globalThis.demo?.room && !document.getElementById("call").hidden`)
	if got := ann.id(); got != before {
		t.Errorf("after the reload the peer is %s, want %s", got, before)
	}
	ann.until("the camera is on, the microphone is not", `demo.media.cam !== null && !demo.media.micOn`)
	ann.hears("before the reload")
	ann.until("her hand is still up", `document.getElementById("hand").classList.contains("on")`)
	ann.sees(1)
	bob.sees(1)
	ann.says("after the reload")
	bob.hears("after the reload")
	var chat string
	bob.eval(&chat, `document.getElementById("messages").innerText`)
	if strings.Contains(chat, "left") || strings.Contains(chat, "lost the connection") || strings.Count(chat, "Ann joined") > 0 {
		t.Errorf("got the notes %q, want none about the reload", chat)
	}
	var kept bool
	if ann.eval(&kept, `sessionStorage.getItem("call") !== null`); kept {
		t.Error("the call is still stored, want it removed: a duplicated tab would take this one's place")
	}
}

// holdCamera makes the pages that the tab loads from now on wait for a call of letOpen() before they
// open a device, as when the browser asks the user.
func (g *guest) holdCamera() {
	g.t.Helper()
	const source = `(() => { const devices = navigator.mediaDevices, open = devices?.getUserMedia.bind(devices);
		if (devices) devices.getUserMedia = async (what) => { await new Promise((resolve) => (globalThis.letOpen = resolve)); return open(what); }; })()`
	g.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	}))
}

// TestDemo_ReloadWhileOthersWrite_ShowsEachLineOnce: one message comes before the reload, one while the
// guest has no page, and one while the new page still waits for the camera.
func TestDemo_ReloadWhileOthersWrite_ShowsEachLineOnce(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "early")
	bob := quietGuest(t, b, stack, 1, "Bob", "early")
	bob.says("line one")
	ann.hears("line one")
	ann.holdCamera()
	ann.do(chromedp.Navigate(stack.HTTP(0)))
	bob.says("line two")
	ann.eval(nil, `void setTimeout(() => location.assign("/demo#early"))`)
	ann.until("she is in the room, and asked for the camera", `globalThis.letOpen && demo.p2p.rooms.has("early")`)
	ann.eval(nil, `void demo.p2p.rooms.get("early").on("message", ({ data }) => (globalThis.came = data.chat))`)
	bob.says("line three")
	ann.until("the third line has come, and is not shown yet", `globalThis.came === "line three" && document.getElementById("call").hidden`)
	ann.eval(nil, "letOpen()")
	ann.until("the call is shown", `!document.getElementById("call").hidden`)
	ann.hears("line three")
	var lines []string
	ann.eval(&lines, `[...document.querySelectorAll("#messages .by ~ .text")].map((line) => line.textContent)`)
	if got, want := strings.Join(lines, ", "), "line one, line two, line three"; got != want {
		t.Errorf("the chat shows %q, want %q", got, want)
	}
}

// TestDemo_StorageFull_ReloadKeepsTheCall: of a very long line only the beginning is kept, and when the
// browser stores no lines at all, the guest still returns to the call.
func TestDemo_StorageFull_ReloadKeepsTheCall(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "full")
	bob := quietGuest(t, b, stack, 0, "Bob", "full")
	before := ann.id()
	bob.eval(nil, `void demo.room.send({ chat: "x".repeat(5000) })`)
	const long = `document.querySelector("#messages .by ~ .text")?.textContent.length`
	ann.until("the whole line is shown", long+` === 5000`)
	reload := func() {
		t.Helper()
		ann.eval(nil, `void setTimeout(() => location.reload(), (globalThis.old = 1))`)
		ann.until("she is in the call again", `!globalThis.old && globalThis.demo?.room && !document.getElementById("call").hidden`)
		if got := ann.id(); got != before {
			t.Errorf("after the reload the peer is %s, want %s", got, before)
		}
	}
	reload()
	var got int
	if ann.eval(&got, long); got != 2000 {
		t.Errorf("%d characters of the line are kept, want 2000", got)
	}
	ann.eval(nil, `(() => { const set = Storage.prototype.setItem;
		Storage.prototype.setItem = function (key, value) { if (value.length > 1500) throw new DOMException("full", "QuotaExceededError"); set.call(this, key, value); }; })()`)
	reload()
	if ann.eval(&got, `document.querySelectorAll("#messages .by").length`); got != 0 {
		t.Errorf("%d lines are shown, want none: they did not fit", got)
	}
}
