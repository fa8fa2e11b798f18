package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// quietGuest opens the demo of gateway i and joins room with camera and microphone off.
func quietGuest(t *testing.T, b *browser, stack *kit.Stack, i int, name, room string) *guest {
	t.Helper()
	g := &guest{b.open(t, name, stack.HTTP(i)+"demo#"+room)}
	g.until("the lobby shows the room", `document.getElementById("lobby-room").value === %s`, js(room))
	g.joinQuiet()
	return g
}

// joinQuiet enters the room under the tab's name with camera and microphone off.
func (g *guest) joinQuiet() {
	g.t.Helper()
	g.fill("#lobby-name", g.name)
	g.click("#join-quiet")
	g.until("the call is shown", `!document.getElementById("call").hidden`)
}

// TestLobby_Preview_JoinsWithWhatIsOn looks at the preview, switches the camera off there, and joins
// with the microphone only.
func TestLobby_Preview_JoinsWithWhatIsOn(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#preview")}
	ann.until("the preview shows the camera", `document.getElementById("preview").classList.contains("seen") && document.getElementById("preview-video").videoWidth > 0`)
	ann.until("the level moves", `Number(document.getElementById("level").getAttribute("aria-valuenow")) > 0`)
	ann.until("the devices have names", `["cam", "mic", "speaker"].every((d) => /fake/i.test(document.getElementById("pick-" + d).selectedOptions[0].textContent))`)
	ann.eval(nil, `void (globalThis.previewed = document.getElementById("preview-video").srcObject.getVideoTracks()[0])`)
	ann.click("#lobby-cam")
	ann.until("the camera is closed, and its light with it", `previewed.readyState === "ended" && !document.getElementById("preview").classList.contains("seen")`)
	ann.join()
	ann.until("the microphone is on, the camera is not", `demo.media.micOn && !demo.media.cam && demo.media.stream.getTracks().length === 1`)
	ann.click("#leave")
	ann.until("the microphone is closed", `demo.media.stream.getTracks().length === 0 && document.activeElement.id === "join"`)
}

// TestLobby_Cancelled_IsALobbyAgain cancels while the browser still asks for the camera.
func TestLobby_Cancelled_IsALobbyAgain(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#cancel")}
	ann.until("the preview is on", `document.getElementById("lobby-cam").getAttribute("aria-pressed") === "true"`)
	ann.click("#lobby-cam")
	ann.until("the camera is off", `document.getElementById("lobby-cam").getAttribute("aria-pressed") === "false"`)
	ann.fill("#lobby-name", "Ann")
	ann.eval(nil, `(() => { globalThis.RealSocket = WebSocket; globalThis.WebSocket = class { constructor() { this.readyState = 0; } close() {} send() {} }; })()`)
	ann.click("#join")
	ann.until("only Cancel is offered, and has the focus", `document.getElementById("join").hidden && document.activeElement.id === "cancel"`)
	ann.click("#cancel")
	ann.until("the lobby is as before", `document.getElementById("cancel").hidden && document.activeElement.id === "join" && document.getElementById("banner").textContent === ""`)
	ann.eval(nil, `void (globalThis.WebSocket = RealSocket)`)
	ann.join()
}

// TestLobby_JoinTwice_ConnectsOnce presses Join twice while the browser still opens the camera.
func TestLobby_JoinTwice_ConnectsOnce(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#twice")}
	ann.until("the preview is on", `document.getElementById("lobby-cam").getAttribute("aria-pressed") === "true"`)
	ann.click("#lobby-cam")
	ann.until("the camera is off", `document.getElementById("lobby-cam").getAttribute("aria-pressed") === "false"`)
	ann.fill("#lobby-name", "Ann")
	ann.eval(nil, `(() => { const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
		devices.getUserMedia = async (what) => { await new Promise((resolve) => (globalThis.letOpen = resolve)); return open(what); };
		globalThis.sockets = 0;
		globalThis.WebSocket = class extends WebSocket { constructor(...args) { super(...args); sockets++; } }; })()`)
	ann.click("#lobby-cam")
	ann.until("the camera is being opened", `globalThis.letOpen`)
	ann.click("#join")
	ann.click("#join")
	ann.eval(nil, "letOpen()")
	ann.until("she is in the call", `!document.getElementById("call").hidden && demo.media.cam`)
	var sockets int
	if ann.eval(&sockets, "sockets"); sockets != 1 {
		t.Errorf("the page made %d connections, want 1", sockets)
	}
}

// TestDemo_LogoClicked_LeavesUnlessItOpensElsewhere keeps the browser from following the link, because
// only the call is looked at.
func TestDemo_LogoClicked_LeavesUnlessItOpensElsewhere(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "logo")
	ann.eval(nil, `void addEventListener("click", (event) => event.preventDefault())`)
	for _, with := range []string{"ctrlKey", "metaKey", "shiftKey", "altKey", ""} {
		var stays bool
		ann.eval(&stays, `(document.getElementById("home").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, [%q]: true })), demo.room !== null)`, with)
		if want := with != ""; stays != want {
			t.Errorf("after a click with %q: still in the call: got %t, want %t", with, stays, want)
		}
	}
}
