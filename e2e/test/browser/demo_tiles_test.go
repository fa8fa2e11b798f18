package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// TestDemo_Pinned_TileIsLarge pins a tile, shows it on the full screen, and unpins it.
func TestDemo_Pinned_TileIsLarge(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "pin")
	bob := quietGuest(t, b, stack, 0, "Bob", "pin")
	tile := `document.querySelector('.tile[data-peer="` + bob.id() + `"]')`
	own := `document.querySelector('.tile[data-peer="self"]')`
	ann.until("both are of one size", `%s && %s.offsetWidth === %s.offsetWidth`, tile, tile, own)
	pin := `.tile[data-peer="` + bob.id() + `"] .tile-act[aria-label="Pin: Bob"]`
	ann.click(pin)
	ann.until("his is large and says that it is pinned", `%s.offsetWidth * %s.offsetHeight > 4 * %s.offsetWidth * %s.offsetHeight && document.querySelector(%q).ariaPressed === "true"`, tile, tile, own, own, pin)
	ann.click(pin)
	ann.until("both are of one size again", `%s.offsetWidth === %s.offsetWidth && document.querySelector(%q).ariaPressed === "false"`, tile, own, pin)
	ann.click(`.tile[data-peer="` + bob.id() + `"] .tile-act[aria-label="Full screen: Bob"]`)
	ann.until("it fills the screen", `document.fullscreenElement === %s`, tile)
	ann.click(`.tile[data-peer="` + bob.id() + `"] .tile-act[aria-label="Full screen: Bob"]`)
	ann.until("it does not any more", `document.fullscreenElement === null`)
}

// TestDemo_SomebodySpeaks_TileIsMarked: the fake microphone beeps.
func TestDemo_SomebodySpeaks_TileIsMarked(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "speak")
	bob := quietGuest(t, b, stack, 0, "Bob", "speak")
	ann.until("her own tile is marked", `document.querySelector('.tile[data-peer="self"]').classList.contains("speaking")`)
	bob.until("hers is marked", `document.querySelector('.tile[data-peer="`+ann.id()+`"]')?.classList.contains("speaking")`)
	ann.click("#mic")
	bob.until("nobody speaks", `!document.querySelector(".tile.speaking")`)
}

// TestDemo_Alone_OffersTheLink: who is alone gets the link to send, until somebody comes.
func TestDemo_Alone_OffersTheLink(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "alone")
	ann.until("the link is shown", `document.getElementById("alone").checkVisibility() && document.getElementById("link").textContent === location.href`)
	ann.until("the chat is empty and says so", `getComputedStyle(document.getElementById("messages"), "::before").content.includes("No messages yet")`)
	ann.click("#copy-alone")
	ann.banner("Link copied")
	bob := quietGuest(t, b, stack, 0, "Bob", "alone")
	ann.until("the link is gone", `document.getElementById("alone").hidden`)
	bob.click("#leave")
	ann.until("the link is back", `!document.getElementById("alone").hidden`)
}
