package browser

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// TestConnector_PageReloads_HandlesEachMessageOnce leaves a page and loads it again, with session
// and received of the page before, while another peer sends: the page is the same peer, and no
// message is lost or comes twice. The browser answers pings for the page that is gone.
func TestConnector_PageReloads_HandlesEachMessageOnce(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	f := startFront(t, stack, 1)
	sender := stack.Client(t, 0, client.Options{})
	const room = proto.RoomID("tea")
	if _, err := sender.Join(t.Context(), room, client.JoinOptions{Create: true}); err != nil {
		t.Fatal(err)
	}
	var want []int
	send := func(n int) {
		for range n {
			if err := sender.MessageRoom(t.Context(), room, len(want)); err != nil {
				t.Fatal(err)
			}
			want = append(want, len(want))
		}
	}
	const loads, each = 3, 5
	p := b.open(t, "page", f.URL+"/test/reload.html")
	p.until("it is in the room", `globalThis.seen`)
	for range loads - 1 {
		send(each)
		p.until("the messages came", `seen.Numbers.length === %d`, len(want))
		p.do(chromedp.Navigate(f.URL + "/test/blank.html"))
		send(each)
		p.do(chromedp.Navigate(f.URL + "/test/reload.html"))
		p.until("what was sent meanwhile came", `globalThis.seen?.Numbers.length >= %d`, len(want))
	}
	send(1) // it comes after everything that would come twice
	p.until("the last message came", `seen.Numbers.at(-1) === %d`, want[len(want)-1])
	var seen struct {
		IDs     []string
		Numbers []int
	}
	p.eval(&seen, `seen`)
	if len(seen.IDs) != loads || len(slices.Compact(slices.Clone(seen.IDs))) != 1 {
		t.Errorf("got the peers %q, want one, %d times", seen.IDs, loads)
	}
	if !slices.Equal(seen.Numbers, want) {
		t.Errorf("got the messages %v, want %v", seen.Numbers, want)
	}
}
