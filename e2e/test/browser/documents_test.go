package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestDocuments_EveryPage_CanBeReadByAll checks the documents as TestScreenshots_EachWidth_NothingOverflows and
// TestReach_Keyboard_FindsEveryControl check the page: nothing overflows, and everything is accessible.
func TestDocuments_EveryPage_CanBeReadByAll(t *testing.T) {
	b := startBrowser(t)
	s := pages(t)
	for _, at := range []string{"", "/settings", "/protocol", "/javascript", "/operating", "/back-ends", "/performance"} {
		name := "docs" + strings.ReplaceAll(at, "/", "-")
		t.Run(name, func(t *testing.T) {
			p := b.open(t, name, s.URL+"/docs"+at)
			p.until("the search is there", `!document.getElementById("search").hidden`)
			p.named(t)
			for _, l := range looks {
				p.look(l.width, l.height, l.scheme)
				p.contrast(t, l.name)
			}
			p.fits(t, name, false)
			p.look(1280, 860, "light")
			p.keyboard(t)
		})
	}
}

// TestDocuments_Search_ByKeyboard finds a setting from another document without a mouse.
func TestDocuments_Search_ByKeyboard(t *testing.T) {
	b := startBrowser(t)
	s := pages(t)
	p := b.open(t, "documents", s.URL+"/docs")
	p.until("the search is there", `!document.getElementById("search").hidden`)
	press := func(keys string) { p.do(chromedp.KeyEvent(keys)) }
	press("/")
	press("no such words at all")
	p.until("it says that there is nothing", `document.getElementById("found").textContent === "Nothing found."`)
	press(kb.Escape)
	p.until("Escape empties it", `document.getElementById("query").value === "" && document.getElementById("found").textContent === ""`)
	press("drain-window")
	p.until("the setting is found", `document.querySelector("#hits a")?.innerText.includes("--drain-window time")`)
	if *screenshots != "" {
		for _, l := range looks {
			p.look(l.width, l.height, l.scheme)
			p.shoot("docs-search-"+l.name, false)
		}
	}
	press(kb.ArrowDown)
	p.until("the first result has the focus", `document.activeElement === document.querySelector("#hits a")`)
	press(kb.ArrowUp)
	p.until("the field has it again", `document.activeElement.id === "query"`)
	press(kb.ArrowDown)
	press(kb.Enter)
	p.until("the row of the setting is shown", `location.pathname === "/docs/settings" && document.querySelector("tr:target")?.innerText.includes("P2P_DRAIN_WINDOW")`)
}
