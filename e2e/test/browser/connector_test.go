package browser

import (
	"flag"
	"testing"

	"p2pconnector/e2e/kit"
)

var only = flag.String("only", "", "run only those tests of a page whose name contains `text`")

// suite runs a module of tests in a page that reaches every gateway of a fresh
// system; the module finds their addresses in `gateways`.
func suite(t *testing.T, name string, opts kit.Options) {
	t.Helper()
	b := startBrowser(t)
	stack := kit.Start(t, opts)
	f := startFront(t, stack, opts.Gateways)
	p := b.open(t, name, f.URL+"/test/blank.html")
	report(t, p.suite(name, *only))
}

// TestConnector_TwoPages_ExchangeMessages runs connector.js against two real gateways: rooms, messages,
// errors, and what happens when connections break.
func TestConnector_TwoPages_ExchangeMessages(t *testing.T) {
	suite(t, "gateway", kit.Options{Gateways: 2, RoomServices: 1})
}

// TestConnector_Peers_CallEachOther runs connectPeer between two connectors on two gateways: calls,
// glare, strangers, broken paths.
func TestConnector_Peers_CallEachOther(t *testing.T) {
	suite(t, "peers", kit.Options{Gateways: 2, RoomServices: 1})
}

// TestConnector_GatewaysDrain_StaysTheSamePeer drains one gateway and then another while a page knows
// both, and starts them again: the page stays the same peer in the same room.
func TestConnector_GatewaysDrain_StaysTheSamePeer(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	f := startFront(t, stack, 2)
	p := b.open(t, "page", f.URL+"/test/blank.html")
	p.eval(nil, `import("/test/wander.js").then((m) => m.begin())`)
	for round := range 4 {
		i := round % 2
		stack.StopGateway(t, i)
		p.eval(nil, `wander.moved(%d)`, 1-i)
		stack.StartGateway(t, i)
	}
	var seen struct {
		ID, First      string
		Resumed, Reset int
		Numbers        []int
		Left           int
	}
	p.eval(&seen, `wander.end()`)
	if seen.ID != seen.First || seen.Reset != 0 || seen.Left != 0 {
		t.Errorf("got peer %s after %d resets, which others saw leave %d times; want %s, none and never", seen.ID, seen.Reset, seen.Left, seen.First)
	}
	if seen.Resumed < 4 {
		t.Errorf("got %d resumes, want at least 4", seen.Resumed)
	}
	for i, n := range seen.Numbers {
		if n != i {
			t.Fatalf("got message %d as number %d of %v, want them in order", n, i, seen.Numbers)
		}
	}
	if len(seen.Numbers) != 5 {
		t.Errorf("got %d messages, want 5", len(seen.Numbers))
	}
}
