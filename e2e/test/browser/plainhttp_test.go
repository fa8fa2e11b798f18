package browser

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// plainHost resolves to this machine. Pages that come from it by http have what
// pages of another machine in the network have: no secure context.
const plainHost = "plain-http.test"

func startPlainBrowser(t *testing.T) *browser {
	t.Helper()
	return startBrowser(t, chromedp.Flag("host-resolver-rules", fmt.Sprintf("MAP %s 127.0.0.1", plainHost)))
}

// byPlainHost returns the address of gateway i's pages under plainHost.
func byPlainHost(t *testing.T, stack *kit.Stack, i int) string {
	t.Helper()
	u, err := url.Parse(stack.HTTP(i))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = plainHost + ":" + u.Port()
	return u.String()
}

// TestDemo_PlainHTTP_ConnectsAndSaysWhatNeedsHTTPS opens the demo by http on two
// devices in one network: everything works except their cameras.
func TestDemo_PlainHTTP_ConnectsAndSaysWhatNeedsHTTPS(t *testing.T) {
	b := startPlainBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := joinDemo(t, b, byPlainHost(t, stack, 0)+"demo", "Ann", "plain")
	bob := joinDemo(t, b, byPlainHost(t, stack, 1)+"demo", "Bob", "plain")
	for _, g := range []*guest{ann, bob} {
		var secure bool
		if g.eval(&secure, "isSecureContext"); secure {
			t.Fatal("got a secure context, want none: this test would show nothing")
		}
		g.until("the data channel is open", `[...demo.p2p.peers.values()].length === 1 && [...demo.p2p.peers.values()].every((p) => p.data.readyState === "open")`)
		g.until("it says that cameras need https", `document.getElementById("media-notice").textContent.includes("https")`)
	}
	ann.says("no camera here")
	bob.hears("no camera here")
	for _, id := range []string{"cam", "mic", "screen"} {
		ann.eval(nil, `void (document.getElementById("media-notice").textContent = "")`)
		ann.click("#" + id)
		ann.until("the button "+id+" says what to do", `document.getElementById("media-notice").textContent.includes("--tls self-signed")`)
	}
	ann.click("#copy-link")
	ann.banner("Link copied")
	ann.click("#leave")
	ann.until("the lobby says what needs https", `!document.getElementById("plain-http").hidden && document.getElementById("plain-http").innerText.includes("--tls self-signed")`)
}

// TestPage_PlainHTTP_CopiesAndSaysWhatNeedsHTTPS uses every copy button.
func TestPage_PlainHTTP_CopiesAndSaysWhatNeedsHTTPS(t *testing.T) {
	b := startPlainBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	p := b.open(t, "page", byPlainHost(t, stack, 0))
	p.until("it says what needs https", `document.getElementById("plain-http").innerText.includes("--tls self-signed")`)
	p.click("#connect")
	p.until("the console is connected", `document.getElementById("me").textContent !== ""`)
	for selector, source := range map[string]string{
		"#copy-me": "#me",
		".copy":    ".code code",
	} {
		p.click(selector)
		p.until(selector+" says that it has copied", `document.querySelector(%q).textContent === "Copied"`, selector)
		if got, want := p.pasted(), p.text(source); got != want {
			t.Errorf("%s: got clipboard %.80q, want %.80q", selector, got, want)
		}
	}
	// A browser that refuses leaves the text selected, and the button says so.
	p.eval(nil, `void (document.execCommand = () => false)`)
	p.click("#copy-me")
	p.until("the button says what to do", `document.getElementById("copy-me").textContent.includes("Selected")`)
	var selected string
	p.eval(&selected, "getSelection().toString()")
	if want := p.text("#me"); selected != want {
		t.Errorf("got selection %q, want %q", selected, want)
	}
}

// TestPages_SecureContext_DoNotSpeakOfHTTPS: on this computer nothing is missing.
func TestPages_SecureContext_DoNotSpeakOfHTTPS(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	for _, path := range []string{"", "demo"} {
		p := b.open(t, "page /"+path, stack.HTTP(0)+path)
		p.until("it is drawn", `document.querySelector("#join-room, #lobby-room").value !== ""`)
		var hidden bool
		if p.eval(&hidden, `document.getElementById("plain-http").hidden`); !hidden {
			t.Errorf("/%s: got the words about plain http, want them hidden", path)
		}
	}
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	var text string
	p.eval(&text, "document.querySelector(%q).textContent", selector)
	return text
}

// pasted returns the contents of the clipboard, which it pastes into a field of
// the page as a person would.
func (p *tab) pasted() string {
	p.t.Helper()
	p.eval(nil, `(() => { const f = document.getElementById("frame"); f.value = ""; f.focus(); })()`)
	for _, key := range []input.DispatchKeyEventParams{
		{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "v", Code: "KeyV", Modifiers: 2, Commands: []string{"paste"}},
		{Type: input.DispatchKeyEventTypeKeyUp, Key: "v", Code: "KeyV", Modifiers: 2},
	} {
		p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, key)
			return chromedp.Void{}, err
		})
	}
	var text string
	p.eval(&text, `document.getElementById("frame").value`)
	return text
}

// TestDemo_SelfSignedHTTPS_CallWorks runs the standalone program with --tls
// self-signed, and a browser that continues past the warning: a call with cameras
// under a name for which plain http gives none.
func TestDemo_SelfSignedHTTPS_CallWorks(t *testing.T) {
	b := startBrowser(t, chromedp.Flag("host-resolver-rules", fmt.Sprintf("MAP %s 127.0.0.1", plainHost)), chromedp.Flag("ignore-certificate-errors", true))
	u, err := url.Parse(program(t, "p2pconnector/e2e/standalone", "--listen", "127.0.0.1:0", "--tls", "self-signed"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "https" {
		t.Fatalf("got the URL %s, want one with https", u)
	}
	u.Host = plainHost + ":" + u.Port()
	ann := joinDemo(t, b, u.String()+"demo", "Ann", "secure")
	bob := joinDemo(t, b, u.String()+"demo", "Bob", "secure")
	ann.sees(1)
	bob.sees(1)
	ann.says("we see each other")
	bob.hears("we see each other")
	ann.click("#copy-link")
	ann.banner("Link copied")
}
