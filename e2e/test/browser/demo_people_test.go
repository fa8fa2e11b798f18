package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// TestDemo_HandAndName_OthersSeeThem raises a hand and changes a name.
func TestDemo_HandAndName_OthersSeeThem(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "hands")
	bob := quietGuest(t, b, stack, 1, "Bob", "hands")
	row := `document.querySelector('#people li[data-member="` + ann.id() + `"]')`
	tile := `document.querySelector('.tile[data-peer="` + ann.id() + `"]')`
	bob.until("she is here", `%s && %s`, row, tile)
	ann.click("#hand")
	bob.until("the hand is in the list and on the tile", `%s.innerText.includes("hand raised") && !%s.querySelector(".hand").hidden`, row, tile)
	bob.hears("Ann raised a hand.")
	bob.until("screen readers read it", `document.getElementById("live").innerText.includes("Ann raised a hand.")`)
	ann.click("#hand")
	bob.until("the hand is down", `!%s.innerText.includes("hand raised") && %s.querySelector(".hand").hidden`, row, tile)

	ann.click("#people li .acts button")
	ann.until("the name is asked for", `document.getElementById("ask").open && document.activeElement.id === "ask-field"`)
	ann.fill("#ask-field", "Anna <i>")
	ann.click("#ask-confirm")
	bob.until("she has her new name", `%s.innerText.includes("Anna <i>") && %s.innerText.includes("Anna <i>")`, row, tile)
	bob.hears("Ann is called Anna <i> now.")
	ann.until("the browser remembers it", `localStorage.getItem("name") === "Anna <i>"`)
}

// TestDemo_HostMutesAll_OthersAreMuted: everybody is muted and may unmute; nobody obeys a member who
// is not the host.
func TestDemo_HostMutesAll_OthersAreMuted(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := openDemo(t, b, stack, 0, "Ann", "mute")
	bob := openDemo(t, b, stack, 0, "Bob", "mute")
	for _, g := range []*guest{ann, bob} {
		g.until("both are here", `document.querySelectorAll("#people li").length === 2`)
	}
	bob.eval(nil, `void demo.room.send({ mute: true })`)
	bob.says("nobody obeys me")
	ann.hears("nobody obeys me")
	ann.until("she is not muted", `demo.media.micOn`)
	ann.click("#mute-all")
	bob.until("he is muted and knows by whom", `!demo.media.micOn && document.getElementById("media-notice").textContent.includes("Ann, the host, has muted everyone")`)
	ann.until("she sees it", `document.querySelector('.tile[data-peer="`+bob.id()+`"]').innerText.includes("muted")`)
	bob.click("#mic")
	bob.until("he may speak again", `demo.media.micOn`)
}

// TestDemo_HostHandsOver_AnotherIsHost asks before the room gets another host.
func TestDemo_HostHandsOver_AnotherIsHost(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "over")
	bob := quietGuest(t, b, stack, 0, "Bob", "over")
	ann.click(`#people li[data-member="` + bob.id() + `"] .acts .quiet`)
	ann.until("it asks first", `document.getElementById("ask-title").textContent === "Make Bob host?"`)
	bob.until("nothing has happened yet", `document.getElementById("host").hidden`)
	ann.click("#ask-confirm")
	bob.until("he is host", `!document.getElementById("host").hidden && demo.room.isCreator`)
	ann.until("she is not", `document.getElementById("host").hidden && document.querySelector('#people li[data-member="`+bob.id()+`"] .mark').checkVisibility()`)
}

// TestDemo_HostBans_GuestCannotComeBack: the reason stays in the lobby, and the ban in the host's list
// until it is lifted.
func TestDemo_HostBans_GuestCannotComeBack(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := quietGuest(t, b, stack, 0, "Ann", "ban")
	bob := quietGuest(t, b, stack, 0, "Bob", "ban")
	ann.click(`#people li[data-member="` + bob.id() + `"] .danger`)
	ann.click("#ask-check")
	ann.click("#ask-confirm")
	bob.until("the lobby says why", `!document.getElementById("lobby").hidden && document.getElementById("lobby-problem").textContent.includes("banned")`)
	ann.hears("Bob was removed by the host and cannot come back.")
	ann.until("the focus is not lost", `document.activeElement.id === "people-title"`)
	ann.click("#show-bans")
	ann.until("the list names him", `document.getElementById("bans-list").innerText.includes("Bob") && document.getElementById("bans-none").hidden`)
	ann.click("#bans-list button")
	ann.until("nobody is banned, and the focus is not lost", `document.getElementById("bans-none").checkVisibility() && !document.querySelector("#bans-list li") && document.activeElement.id === "bans-done"`)
	var banned []struct{ Client string }
	if ann.eval(&banned, `demo.room.bans()`); len(banned) > 0 {
		t.Errorf("got the bans %v, want none", banned)
	}
}
