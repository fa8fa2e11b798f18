package browser

import (
	"strings"
	"testing"

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
