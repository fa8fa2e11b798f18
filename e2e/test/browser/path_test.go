package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
)

// TestConnector_PathBreaks_IsMended drops every packet of a call until both sides notice, and
// then delivers them again: the call continues, after an ICE restart where it
// needs one.
func TestConnector_PathBreaks_IsMended(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	ann := &guest{b.open(t, "Ann", stack.HTTP(0)+"demo#path")}
	ann.loss(0) // a call is shaped only when loss was called before it began
	ann.join()
	bob := openDemo(t, b, stack, 1, "Bob", "path")
	ann.sees(1)
	bob.sees(1)
	ann.loss(100)
	ann.until("the tile says that it is reconnecting", `[...document.querySelectorAll(".tile .trouble")].some((e) => !e.hidden && e.textContent.includes("reconnecting"))`)
	ann.loss(0)
	for _, g := range []*guest{ann, bob} {
		g.until("the call is back", `[...demo.p2p.peers.values()].every((p) => p.state === "connected")`)
		g.sees(1)
	}
}

// loss sets the percentage of packets that the tab's calls lose.
func (g *guest) loss(percent float64) {
	g.t.Helper()
	g.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Latency: 1, DownloadThroughput: -1, UploadThroughput: -1, PacketLoss: percent}},
		})
		return chromedp.Void{}, err
	})
}
