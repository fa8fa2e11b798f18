package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// TestDemo_DeviceGone_SaysSo ends the camera's track as a pulled plug does.
func TestDemo_DeviceGone_SaysSo(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "gone")
	ann.until("the camera is on", `demo.media.cam`)
	ann.eval(nil, `void demo.media.cam.dispatchEvent(new Event("ended"))`)
	ann.until("it says so", `document.getElementById("media-notice").textContent.includes("The camera is gone")`)
	ann.until("the camera is off", `demo.media.cam === null && document.getElementById("cam").innerText.includes("Start camera") && !document.querySelector(".tile.seen")`)
	ann.click("#cam")
	ann.until("it can be switched on again", `demo.media.cam && document.querySelector(".tile.seen") && document.getElementById("media-notice").textContent === ""`)
}

// TestDemo_OtherDeviceChosen_IsUsed chooses another camera in the dialog during a call; the browser
// remembers it.
func TestDemo_OtherDeviceChosen_IsUsed(t *testing.T) {
	b := startBrowser(t, chromedp.Flag("use-fake-device-for-media-stream", "fps=8,device-count=2"))
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "choice")
	ann.until("the camera is on", `demo.media.cam`)
	ann.click("#show-devices")
	ann.until("there are two cameras", `document.getElementById("settings").open && document.getElementById("pick-cam").length === 2 && document.getElementById("pick-cam").value === demo.media.cam.getSettings().deviceId`)
	ann.eval(nil, `(() => { const pick = document.getElementById("pick-cam"); globalThis.other = [...pick.options].find((o) => !o.selected).value; pick.value = other; pick.dispatchEvent(new Event("change")); })()`)
	ann.until("the other one is used", `demo.media.cam?.getSettings().deviceId === other`)
	ann.click("#settings [data-close]")
	ann.until("the focus is where it was", `document.activeElement.id === "show-devices"`)
	ann.click("#leave")
	ann.join()
	ann.until("it is used the next time", `demo.media.cam?.getSettings().deviceId === other`)
}

// TestDemo_Phone_FlipsTheCameraAndStaysAwake: a phone has a button for the other camera, and its screen
// stays on during the call.
func TestDemo_Phone_FlipsTheCameraAndStaysAwake(t *testing.T) {
	b := startBrowser(t, chromedp.Flag("use-fake-device-for-media-stream", "fps=8,device-count=2"))
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#flip")}
	ann.do(chromedp.EmulateViewport(390, 844), func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
		return chromedp.Void{}, err
	})
	ann.eval(nil, `(() => { globalThis.locks = []; navigator.wakeLock.request = async (kind) => { const lock = { kind, released: false, release() { this.released = true; } }; locks.push(lock); return lock; }; })()`)
	ann.join()
	ann.until("the screen stays on", `locks.length === 1 && locks[0].kind === "screen" && !locks[0].released`)
	ann.until("there is a button for the other camera", `document.getElementById("flip").checkVisibility() && demo.media.cam`)
	ann.eval(nil, `void (globalThis.first = demo.media.cam.getSettings().deviceId)`)
	ann.click("#flip")
	ann.until("the other camera is on", `demo.media.cam && demo.media.cam.getSettings().deviceId !== first`)
	ann.click("#flip")
	ann.until("the first one is again", `demo.media.cam?.getSettings().deviceId === first`)
	ann.click("#leave")
	ann.until("the screen may go off", `locks[0].released`)
}
