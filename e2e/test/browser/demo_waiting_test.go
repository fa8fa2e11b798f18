package browser

import (
	"testing"

	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// asks joins room of gateway i, which is locked, and asks to be admitted.
func asks(t *testing.T, b *browser, stack *kit.Stack, i int, name, room string) *guest {
	t.Helper()
	g := &guest{b.open(t, name, stack.HTTP(i)+"demo#"+room)}
	g.fill("#lobby-name", name)
	g.click("#join-quiet")
	g.until("the lobby says that the room is locked, and offers to ask", `document.getElementById("lobby-problem").textContent.includes("locked")
		&& document.getElementById("join").textContent === "Ask to join with camera"`)
	g.click("#join-quiet")
	g.waits()
	return g
}

// waits waits until the lobby shows that the guest waits, and how to stop.
func (g *guest) waits() {
	g.t.Helper()
	g.until("it says that the guest waits", `document.getElementById("lobby-waits").checkVisibility() && document.getElementById("cancel").textContent === "Stop waiting"
		&& !document.getElementById("join").checkVisibility() && document.getElementById("banner").textContent === ""`)
}

// asked waits until these guests, and no others, are shown to ask.
func (g *guest) asked(names ...string) {
	g.t.Helper()
	if names == nil {
		names = []string{}
	}
	g.until("those who ask are shown", `JSON.stringify([...document.querySelectorAll("#waiting-list .who")].map((who) => who.textContent)) === %s
		&& document.getElementById("waiting").hidden === %t`, js(js(names)), len(names) == 0)
}

// TestDemo_LockedRoom_AdmitsAndRefuses: guests ask to join a locked room; one stops, one is admitted after a
// reload, and one is refused by a moderator.
func TestDemo_LockedRoom_AdmitsAndRefuses(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "locked")
	ann.click("#lock")
	ann.until("the room is locked", `!document.getElementById("locked").hidden`)

	bob := asks(t, b, stack, 1, "Bob", "locked")
	bob.until("Stop waiting has the focus", `document.activeElement.id === "cancel"`)
	ann.asked("Bob")
	ann.until("the list is in sight, and screen readers read it", `document.getElementById("asking").hidden && document.getElementById("live").innerText.includes("Bob asks to join.")`)
	ann.until("the room is still locked", `!document.getElementById("locked").hidden && document.getElementById("lock").textContent === "Unlock room"`)
	ann.click("#show-people")
	ann.until("the closed panel is marked", `document.getElementById("asking").checkVisibility() && document.getElementById("show-people").innerText.includes("People, 1 asking to join")`)
	ann.click("#show-people")
	ann.until("the mark is gone", `document.getElementById("asking").hidden && document.getElementById("people-label").textContent === "People"`)
	bob.click("#cancel")
	bob.until("he may ask again", `document.getElementById("join").textContent === "Ask to join with camera" && !document.getElementById("lobby-waits").checkVisibility()`)
	ann.asked()

	bob.click("#join-quiet")
	bob.waits()
	ann.asked("Bob")
	before := bob.id()
	bob.do(chromedp.Reload())
	bob.waits()
	if got := bob.id(); got != before {
		t.Errorf("after the reload the peer is %s, want %s", got, before)
	}
	ann.asked("Bob")
	ann.click(`#waiting-list [aria-label="Admit Bob"]`)
	bob.until("he is in the call", `document.getElementById("call").checkVisibility() && document.activeElement.id === "call-title" && demo.room.members.length === 2`)
	ann.asked()
	ann.until("the focus is not lost", `document.activeElement.id === "people-title"`)

	ann.eval(nil, `demo.room.setRole(%q, "moderator")`, bob.id())
	cleo := asks(t, b, stack, 0, "Cleo", "locked")
	for _, g := range []*guest{ann, bob} {
		g.asked("Cleo")
	}
	bob.click(`#waiting-list [aria-label="Refuse Cleo"]`)
	bob.until("it asks first", `document.getElementById("ask").open && document.getElementById("ask-title").textContent === "Refuse Cleo?"`)
	bob.click("#ask-confirm")
	cleo.until("the lobby says why", `document.getElementById("lobby-problem").textContent.includes("You were not let in") && document.getElementById("join").textContent === "Ask to join with camera"`)
	for _, g := range []*guest{ann, bob} {
		g.asked()
	}
}
