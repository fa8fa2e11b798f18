package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// TestDemo_ChatClosed_MarksUnread: messages are counted while nobody can see them; they have times, and
// only addresses of the web become links.
func TestDemo_ChatClosed_MarksUnread(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "unread")
	bob := quietGuest(t, b, stack, 0, "Bob", "unread")
	ann.click("#show-chat")
	ann.until("the chat is closed", `!document.getElementById("chat-panel").checkVisibility() && document.getElementById("show-chat").ariaExpanded === "false"`)
	bob.says("see https://example.com/a?b=1, or javascript:alert(1)")
	ann.until("one message is new", `document.getElementById("unread").checkVisibility() && document.getElementById("show-chat").innerText.includes("Chat, 1 new")`)
	bob.says("<img src=x onerror=alert(2)> http://[")
	ann.until("two are", `document.getElementById("show-chat").innerText.includes("Chat, 2 new")`)
	ann.click("#show-chat")
	ann.until("the mark is gone", `document.getElementById("unread").hidden && document.getElementById("chat-label").textContent === "Chat"`)
	ann.hears("<img src=x onerror=alert(2)> http://[")
	var links []string
	ann.eval(&links, `[...document.querySelectorAll("#messages a")].map((a) => a.href + " " + a.rel)`)
	if want := "https://example.com/a?b=1 noopener noreferrer"; len(links) != 1 || links[0] != want {
		t.Errorf("got the links %q, want only %q", links, want)
	}
	ann.until("each has its time", `[...document.querySelectorAll("#messages li")].every((li) => Math.abs(Date.parse(li.querySelector("time").dateTime) - Date.now()) < 600_000)`)
}

// TestDemo_Phone_ChatIsBesideTheTiles: on a phone one panel at a time takes the lower half.
func TestDemo_Phone_ChatIsBesideTheTiles(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "phone")
	ann.look(390, 844, "light")
	ann.until("both panels are closed", `!document.getElementById("side").checkVisibility()`)
	for panel, other := range map[string]string{"chat": "people", "people": "chat"} {
		ann.click("#show-" + panel)
		ann.until("it is beside the tiles", `(() => { const panel = document.getElementById("%s-panel").getBoundingClientRect(), tile = document.querySelector(".tile").getBoundingClientRect();
			return panel.height > 200 && panel.top >= tile.bottom && tile.height > 100 && panel.bottom <= innerHeight; })()`, panel)
		ann.until("the other one is not", `!document.getElementById("%s-panel").checkVisibility()`, other)
	}
}
