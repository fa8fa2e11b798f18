package browser

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// TestConsole_EachExample_IsAnswered sends every event from the page's console, as it is prefilled: the
// server answers each, and the console shows the answer.
func TestConsole_EachExample_IsAnswered(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	p := b.open(t, "page", stack.HTTP(0))
	p.until("the status is shown", `document.getElementById("status").dataset.state === "up" && document.getElementById("status-gateway").textContent.length === 8`)
	p.click("#connect")
	p.until("Client_Details is shown", `/Received\s*Client_Details/.test(document.querySelector("#log li")?.innerText)`)
	p.until("the connection is counted", `document.getElementById("status-connections").textContent === "1"`)
	for _, d := range proto.ClientEvents {
		p.choose(string(d.Event))
		p.click("#clear")
		p.click("#send")
		p.until(string(d.Event)+" is answered", `document.querySelector("#log li.out").innerText.includes(%q) && document.querySelector("#log li.in, #log li.error")`, d.Event)
		var problem string
		p.eval(&problem, `document.getElementById("problem").textContent`)
		if problem != "" {
			t.Errorf("%s: got the problem %q for the console's own example, want none", d.Event, problem)
		}
	}
	p.fill("#frame", "this is no JSON")
	p.click("#clear")
	p.click("#send")
	p.until("what is wrong is said, and the server's answer shown", `document.getElementById("problem").textContent.includes("not JSON") && document.querySelector("#log li.error")?.innerText.includes("Invalid_Message")`)
	p.click("#connect")
	p.until("the close is shown", `document.querySelector("#log li.note")?.innerText.includes("Closed: 1000")`)
}

// TestStatus_ServerEnds_ShowsIt stops the gateway under the page.
func TestStatus_ServerEnds_ShowsIt(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	p := b.open(t, "page", stack.HTTP(0))
	p.until("it is up", `document.getElementById("status").dataset.state === "up"`)
	stack.StopGateway(t, 0)
	p.until("it is down", `document.getElementById("status").dataset.state === "down"`)
	stack.StartGateway(t, 0)
	p.until("it is up again", `document.getElementById("status").dataset.state === "up"`)
}

// TestForm_RoomEntered_OpensTheDemo goes from the page to the demo.
func TestForm_RoomEntered_OpensTheDemo(t *testing.T) {
	b := startBrowser(t)
	s := pages(t)
	p := b.open(t, "page", s.URL+"/")
	p.fill("#join-room", "our table")
	p.click("#join button")
	p.until("the lobby names the room", `location.pathname === "/demo" && document.getElementById("lobby-room")?.value === "our table"`)
}

// TestReach_Keyboard_FindsEveryControl checks that the keyboard reaches every control, that each has a name
// for screen readers, and that the contrast suffices.
func TestReach_Keyboard_FindsEveryControl(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	page := b.open(t, "page", stack.HTTP(0))
	page.until("it is up", `document.getElementById("status").dataset.state === "up"`)
	page.click("#connect")
	page.until("it is connected", `!document.getElementById("send").disabled`)
	lobby := b.open(t, "lobby", stack.HTTP(0)+"demo#reach")
	ann := openDemo(t, b, stack, 0, "Ann", "reach")
	bob := openDemo(t, b, stack, 0, "Bob", "reach")
	ann.sees(1)
	bob.says("hello")
	ann.hears("hello")
	for _, p := range []*tab{page, lobby, ann.tab} {
		t.Run(p.name, func(t *testing.T) {
			p.named(t)
			p.keyboard(t)
			for _, scheme := range []string{"light", "dark"} {
				p.look(1280, 860, scheme)
				p.contrast(t, scheme)
			}
		})
	}
}

// named reports controls without an accessible name, and pages without a title.
func (p *tab) named(t *testing.T) {
	t.Helper()
	tree, err := chromedp.Run(p.ctx, func(ctx context.Context, target *chromedp.Target) ([]*accessibility.Node, error) {
		r, err := cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		return r.Nodes, err
	})
	if err != nil {
		t.Fatal(err)
	}
	controls := 0
	for _, n := range tree {
		if n.Ignored || n.Role == nil {
			continue
		}
		switch role := strings.Trim(string(n.Role.Value), `"`); role {
		case "button", "link", "textbox", "combobox", "progressbar", "img", "image", "RootWebArea":
			controls++
			if n.Name == nil || strings.Trim(string(n.Name.Value), `" `) == "" {
				t.Errorf("got a %s without a name, want one", role)
			}
		}
	}
	if controls < 5 {
		t.Errorf("got %d controls, want 5 or more: otherwise the page was not looked at", controls)
	}
}

// keyboard moves through the page with the Tab key and reports the controls that
// it skips.
func (p *tab) keyboard(t *testing.T) {
	t.Helper()
	p.eval(nil, `(() => { globalThis.reached = new Set(); document.addEventListener("focusin", (e) => reached.add(e.target)); document.activeElement.blur(); scrollTo(0, 0); })()`)
	var all int
	wanted := `[...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")].filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }))`
	p.eval(&all, `%s.length`, wanted)
	for range all + 3 {
		p.do(chromedp.KeyEvent("\t"))
	}
	var missed []string
	p.eval(&missed, `%s.filter((e) => !reached.has(e)).map((e) => e.outerHTML.slice(0, 100))`, wanted)
	for _, m := range missed {
		t.Errorf("got no focus by the Tab key on %s, want it", m)
	}
}

func (p *tab) contrast(t *testing.T, scheme string) {
	t.Helper()
	source, err := os.ReadFile("testdata/js/contrast.js")
	if err != nil {
		t.Fatal(err)
	}
	var poor []string
	p.eval(&poor, "%s", source)
	for _, text := range poor {
		t.Errorf("%s: got too little contrast, want more: %s", scheme, text)
	}
}
