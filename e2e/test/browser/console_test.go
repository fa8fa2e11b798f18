package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// TestConsole_TypedFrame_IsKept types a frame before connecting: neither the greeting nor another
// event takes it away, and the example comes back when it is asked for.
func TestConsole_TypedFrame_IsKept(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	p := b.open(t, "page", stack.HTTP(0))
	const typed = `{"event": "Message", "to": "x"}`
	p.fill("#frame", typed)
	p.click("#connect")
	p.until("it is connected", `!document.getElementById("send").disabled`)
	p.until("the frame is what was typed", `document.getElementById("frame").value === %s`, js(typed))
	p.choose("Ping")
	p.until("another event has its example", `JSON.parse(document.getElementById("frame").value).event === "Ping"`)
	p.choose("Message")
	p.until("the frame is what was typed", `document.getElementById("frame").value === %s`, js(typed))
	p.click("#send")
	p.until("the refusal has its reason, and a way to what it means", `(() => { const why = document.querySelector("#log li.error .why");
		return why && why.innerText.length > 20 && document.getElementById(why.querySelector("a").hash.slice(1)); })()`)
	p.click("#example")
	p.until("the example is back", `JSON.parse(document.getElementById("frame").value).to !== "x" && document.getElementById("example").disabled`)
}

// choose chooses an event of the console.
func (p *tab) choose(event string) {
	p.t.Helper()
	p.eval(nil, `(() => { const e = document.getElementById("event"); e.selectedIndex = [...e.options].findIndex((o) => o.text === %q); e.dispatchEvent(new Event("change")); })()`, event)
}

// TestCopy_Clicked_IsConfirmed: for screen readers too, because a button that changes its own
// text is not read again.
func TestCopy_Clicked_IsConfirmed(t *testing.T) {
	b := startBrowser(t)
	s := pages(t)
	p := b.open(t, "page", s.URL+"/")
	p.click(".copy")
	p.until("the button confirms", `/Copied|Selected/.test(document.querySelector(".copy").textContent)`)
	p.until("a screen reader says it", `document.querySelector("[role=status]#copy-status").textContent === document.querySelector(".copy").textContent`)
}
