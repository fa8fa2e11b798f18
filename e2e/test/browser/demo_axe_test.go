package browser

import (
	"testing"

	"p2pconnector/e2e/kit"
)

// axePackage finds what people with disabilities stumble over.
const axePackage = "axe-core@4.14.1"

// TestDemo_Axe_FindsNothing runs axe-core in the lobby, alone, in a call and in its dialogs, and while
// somebody waits to be admitted, in both colour schemes and on a phone.
func TestDemo_Axe_FindsNothing(t *testing.T) {
	axe := packedFile(t, axePackage, "axe.min.js")
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#axe")}
	ann.eval(nil, "%s", axe+"; void 0")
	ann.axe("the lobby")
	ann.joinQuiet()
	ann.axe("alone")
	bob := quietGuest(t, b, stack, 0, "Bob", "axe")
	bob.says("hello, see https://example.com/")
	bob.click("#hand")
	ann.hears("hello")
	ann.eval(nil, `void document.querySelectorAll("#people details").forEach((d) => (d.open = true))`)
	ann.axe("the call")
	ann.click(`#people li[data-member="` + bob.id() + `"] .danger`)
	ann.axe("the question before removing")
	ann.click("#ask [data-close]")
	ann.click("#people li .acts button")
	ann.axe("the question for a name")
	ann.click("#ask [data-close]")
	ann.click("#show-devices")
	ann.axe("the devices")
	ann.click("#settings [data-close]")
	ann.click("#lock")
	ann.until("the room is locked", `!document.getElementById("locked").hidden`)
	cleo := asks(t, b, stack, 0, "Cleo", "axe")
	cleo.eval(nil, "%s", axe+"; void 0")
	cleo.axe("the lobby of who waits")
	ann.asked("Cleo")
	ann.axe("who waits")
	ann.eval(nil, `demo.room.remove(%q, { ban: true })`, cleo.id())
	ann.click("#show-bans")
	ann.axe("the bans")
}

// axe reports what axe-core finds in the page as it is now.
func (g *guest) axe(where string) {
	g.t.Helper()
	for _, l := range []struct {
		width  int64
		scheme string
	}{{1280, "light"}, {1280, "dark"}, {390, "light"}} {
		g.look(l.width, 860, l.scheme)
		var findings []string
		g.eval(&findings, `axe.run().then((r) => { if (r.passes.length < 10) return ["only " + r.passes.length + " rules were tried"];
			return r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 150) + " " + n.failureSummary)); })`)
		for _, f := range findings {
			g.t.Errorf("%s, %d %s: %s", where, l.width, l.scheme, f)
		}
	}
	g.look(1280, 860, "light")
}
