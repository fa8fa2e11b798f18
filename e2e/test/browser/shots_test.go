package browser

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

var screenshots = flag.String("screenshots", "", "`folder` to write pictures of every page to")

// js encodes v as JavaScript.
func js(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the values of tests can be encoded
	}
	return string(b)
}

// look sets the tab's width, height and colour scheme.
func (p *tab) look(width, height int64, scheme string) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height), func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

func (p *tab) shoot(name string, whole bool) {
	p.t.Helper()
	action := chromedp.CaptureScreenshot()
	if whole {
		action = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(p.ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"wide-light", 1280, 860, "light"}, {"wide-dark", 1280, 860, "dark"}, {"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
}

// TestScreenshots_EachWidth_NothingOverflows checks every page at every width: nothing may overflow. With
// -screenshots it stores pictures.
func TestScreenshots_EachWidth_NothingOverflows(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 3, RoomServices: 1})
	page := b.open(t, "page", stack.HTTP(0))
	page.until("the status is known", `document.getElementById("status").dataset.state === "up"`)
	page.click("#connect")
	page.until("the console is connected", `!document.getElementById("send").disabled`)
	page.click("#send")
	page.until("the message came back", `document.querySelectorAll("#log li").length === 3`)
	page.fits(t, "page", true)
	lobby := b.open(t, "lobby", stack.HTTP(0)+"demo#garden")
	lobby.fits(t, "lobby", false)

	var guests []*guest
	for i, name := range []string{"Ann", "Bob", "Cleo"} {
		guests = append(guests, openDemo(t, b, stack, i, name, "garden"))
	}
	for _, g := range guests {
		g.sees(2)
	}
	file := filepath.Join(t.TempDir(), "holiday.jpg")
	if err := os.WriteFile(file, make([]byte, 700_000), 0o600); err != nil {
		t.Fatal(err)
	}
	guests[1].do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	guests[0].until("the file is offered", `document.querySelector("#files li")`)
	guests[1].says("Shall we start?")
	guests[0].says("Yes! Cleo, can you see the plan?")
	guests[2].says("I can.")
	guests[0].hears("I can.")
	guests[0].until("the quality of both others is known", `[...document.querySelectorAll("#people .figures")].filter((f) => /\d ms/.test(f.textContent)).length === 2`)
	guests[0].fits(t, "call", true)
}

// fits checks a page at every width and in both colour schemes.
func (p *tab) fits(t *testing.T, name string, whole bool) {
	t.Helper()
	p.eval(nil, "scrollTo(0, 0)")
	for _, l := range looks {
		p.look(l.width, l.height, l.scheme)
		var over []string
		p.eval(&over, `[...document.querySelectorAll("body *")].filter((e) => { const r = e.getBoundingClientRect();
			return r.width > 0 && r.right > innerWidth + 1 && r.left < innerWidth && !e.closest("pre, .table, svg, .log, .sr"); }).map((e) => e.outerHTML.slice(0, 120))`)
		for _, e := range over {
			t.Errorf("%s, %s: got an element beyond the right edge, want none: %s", name, l.name, e)
		}
		if *screenshots != "" {
			p.shoot(name+"-"+l.name, whole)
		}
	}
}
