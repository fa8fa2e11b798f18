package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// patience is how long a page may take for one step. A passing test never waits that
// long.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { kit.MainAlone(m) }

// chromium returns the path of a browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium here: install chromium, chromium-browser or google-chrome to run this test")
	return ""
}

// browser is a Chromium with its own fresh profile, a fake camera and a fake
// microphone. It ends with the test.
type browser struct {
	t   *testing.T
	ctx context.Context // of a first, empty tab
}

func startBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium(t)), // with its own profile folder, removed at the end
		chromedp.Headless, chromedp.WindowSize(1280, 860), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-features", "WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints"),
		chromedp.Flag("allow-loopback-in-peer-connection", true),
		chromedp.Flag("force-prefers-reduced-motion", true), // a page that scrolls smoothly moves under the click
		chromedp.Flag("use-fake-device-for-media-stream", "fps=5"), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing the browser: %v", err)
		}
		cancel()
		cancelAlloc()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return &browser{t: t, ctx: ctx}
}

// tab is a page. Its methods fail the test when the page does not do what it should.
// At the end the page must have left no error unhandled, and must have sent requests
// to the named servers only.
type tab struct {
	t    *testing.T
	name string
	ctx  context.Context

	mu       sync.Mutex
	problems []string
	failed   []string        // requests; no problem by itself, because gateways come and go
	asked    map[string]bool // hosts
}

// open opens a tab and loads address.
func (b *browser) open(t *testing.T, name, address string, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, opts...)
	t.Cleanup(cancel)
	p := &tab{t: t, name: name, ctx: ctx, asked: map[string]bool{}}
	if err := chromedp.Listen(ctx, p.event); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p.do(p.enable, chromedp.Navigate(address))
	t.Cleanup(func() { p.check(address) })
	return p
}

// enable subscribes to the events that event handles.
func (p *tab) enable(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
	if err == nil {
		_, err = cdp.Call(ctx, target, network.Enable, network.EnableParams{})
	}
	return chromedp.Void{}, err
}

// event records errors and requests. The calls come in the order of the events.
func (p *tab) event(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := func(format string, args ...any) { p.problems = append(p.problems, fmt.Sprintf(format, args...)) }
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		note("%s", exception(ev.ExceptionDetails))
	case *log.EventEntryAdded:
		if ev.Entry.Source == log.EntrySourceSecurity || strings.Contains(ev.Entry.Text, "Content Security Policy") {
			note("%s", ev.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.ask(ev.Request.URL)
	case *network.EventLoadingFailed:
		p.failed = append(p.failed, fmt.Sprintf("%s: %s", ev.Type, ev.ErrorText))
	case *network.EventResponseReceived:
		if ev.Response.Status >= 400 {
			p.failed = append(p.failed, fmt.Sprintf("%s: %d", ev.Response.URL, ev.Response.Status))
		}
	case *network.EventWebSocketCreated:
		p.ask(ev.URL)
	}
}

func exception(d *runtime.ExceptionDetails) string {
	text := d.Text
	if d.Exception != nil {
		text += " " + d.Exception.Description
	}
	return text
}

func (p *tab) ask(address string) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		p.asked[u.Hostname()] = true
	}
}

// check reports the errors and requests that event recorded.
func (p *tab) check(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("%s: got the problem %s, want none", p.name, problem)
	}
	own, err := url.Parse(address)
	if err != nil {
		p.t.Errorf("%s: %v", p.name, err)
		return
	}
	for host := range p.asked {
		if host != "127.0.0.1" && host != "localhost" && host != own.Hostname() {
			p.t.Errorf("%s: got a request to %s, want requests to this machine and %s alone", p.name, host, address)
		}
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// eval evaluates a JavaScript expression, waits when it is a promise, and stores its
// value in into, which may be nil.
func (p *tab) eval(into any, format string, args ...any) {
	p.t.Helper()
	if err := p.try(patience, into, format, args...); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, fmt.Sprintf(format, args...), err)
	}
}

// suite runs the tests of a module whose names contain only, and returns their
// results.
func (p *tab) suite(name, only string) (results []result) {
	p.t.Helper()
	err := p.try(4*time.Minute, &results, `import("/test/%s_test.js").then(() => import("/test/harness.js")).then((h) => h.run(%q))`, name, only)
	if err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
	return results
}

func (p *tab) try(bound time.Duration, into any, format string, args ...any) error {
	ctx, cancel := context.WithTimeout(p.ctx, bound)
	defer cancel()
	if into == nil {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](script(format, args), chromedp.EvalAwaitPromise))
		return err
	}
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](script(format, args), chromedp.EvalAwaitPromise, chromedp.EvalAsValue))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// pageGone is the error code of Chromium for an evaluation in a page that no longer
// exists.
const pageGone = -32000

// until waits until a JavaScript expression is true, even when another page replaces
// the current one, as after a click on a link.
func (p *tab) until(what, format string, args ...any) {
	p.t.Helper()
	const pages = 3
	var err error
	for range pages {
		err = p.try(patience, nil, "(async () => { while (!(await (%s))) await new Promise((r) => setTimeout(r, 50)); })()", script(format, args))
		if gone, ok := errors.AsType[*cdproto.Error](err); !ok || gone.Code != pageGone {
			break
		}
	}
	if err != nil {
		var state string
		_ = p.try(5*time.Second, &state, "document.body.innerText.slice(0, 1500)")
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Fatalf("%s: %s: %v\nproblems: %q\nfailed requests: %q\nthe page says:\n%s", p.name, what, err, p.problems, p.failed, state)
	}
}

// script formats JavaScript; strings among args become JavaScript strings.
func script(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// click clicks an element as a person would.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// fill types text into a field.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.eval(nil, "document.querySelector(%q).select()", selector) // typing replaces the selection
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}
