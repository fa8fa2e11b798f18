package compose_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// callsOfEachSize are the calls of 2, of 3, up to 6 people.
const callsOfEachSize = 8

// gatewayLimit is how many connections a gateway takes in the test: all calls fit on three
// gateways, and a hot room does not fit on one.
const gatewayLimit = 120

// TestCompose_RoomInAddress_BringsItsPeersTogether compares calls whose clients say which
// room they will join with calls whose clients do not, on three gateways behind Caddy.
func TestCompose_RoomInAddress_BringsItsPeersTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images and starts containers: not in short mode")
	}
	p := newProject(t, "P2P_MAX_CONNECTIONS="+strconv.Itoa(gatewayLimit), "P2P_MAX_PER_ADDRESS=100000",
		"P2P_CONNECTS_PER_ADDRESS=100000", "P2P_CONNECTS_PER_SECOND=100000")
	p.run(p.compose("build")...)
	p.run(p.compose("up", "-d", "--no-build", "--scale", "gateway=3")...)
	p.healthy("gateway", 3)
	p.await("Caddy to answer", p.answers)

	apart := p.placeCalls("apart", false)
	together := p.placeCalls("together", true)
	t.Logf("without a room in the address: %v", apart)
	t.Logf("with the room in the address: %v", together)
	if apart.inProcess > 0.7 {
		t.Errorf("%.2f of the relays stay in a gateway without a room in the address, want about a third: the comparison says nothing", apart.inProcess)
	}
	if together.inProcess != 1 {
		t.Errorf("%.2f of the relays stay in a gateway with the room in the address, want all", together.inProcess)
	}
	if len(together.clients) != 3 {
		t.Errorf("clients of %d calls are on %d gateways, want 3", 5*callsOfEachSize, len(together.clients))
	}
	p.fillRoom()
}

// placement says where the clients of some calls are.
type placement struct {
	inProcess float64 // share of the relays between clients of one gateway
	clients   map[proto.GatewayID]int
}

func (p placement) String() string {
	return fmt.Sprintf("%.0f %% of the relays stay in a gateway; clients of the gateways %v", 100*p.inProcess, slices.Sorted(maps.Values(p.clients)))
}

// placeCalls connects the clients of calls of 2 to 6 people, call by call. In each call
// everyone sends an Offer to everyone else, and all must arrive. It closes all clients.
func (p *project) placeCalls(name string, room bool) placement {
	p.t.Helper()
	place := placement{clients: make(map[proto.GatewayID]int)}
	published, delivered := p.relays()
	var open []*client.Client
	for size := 2; size <= 6; size++ {
		for call := range callsOfEachSize {
			members := make([]*client.Client, size)
			for i := range members {
				var opts client.Options
				if room {
					opts.Room = proto.RoomID(fmt.Sprintf("%s-%d-%d", name, size, call))
				}
				members[i] = p.dialWith(opts)
				place.clients[members[i].ID().Home()]++
			}
			p.offerEachOther(members)
			open = append(open, members...)
		}
	}
	nowPublished, nowDelivered := p.relays()
	place.inProcess = 1 - (nowPublished-published)/(nowDelivered-delivered)
	p.closeAll(open)
	return place
}

// offerEachOther sends an Offer from every member to every other, and waits for all.
func (p *project) offerEachOther(members []*client.Client) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	for _, from := range members {
		for _, to := range members {
			if from != to {
				must(p.t, from.Offer(ctx, to.ID(), map[string]string{"sdp": "v=0"}))
			}
		}
	}
	for _, m := range members {
		for range len(members) - 1 {
			p.expect(m, string(proto.Offer), "")
		}
	}
}

// fillRoom connects more clients of one room than a gateway takes: what does not fit goes to
// another gateway, and they all are in the room.
func (p *project) fillRoom() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	var open []*client.Client
	clients := make(map[proto.GatewayID]int)
	for range gatewayLimit + gatewayLimit/4 {
		c := p.dialWith(client.Options{Room: "hot"})
		clients[c.ID().Home()]++
		_, err := c.Join(ctx, "hot", client.JoinOptions{Create: true})
		must(p.t, err)
		open = append(open, c)
	}
	p.t.Logf("a room of %d, where a gateway takes %d: clients of the gateways %v", len(open), gatewayLimit, slices.Sorted(maps.Values(clients)))
	if len(clients) < 2 {
		p.t.Errorf("got %d clients on one gateway, want at most %d", len(open), gatewayLimit)
	}
	p.until(open[0], open[len(open)-1], "hot", "from the full gateway")
	p.closeAll(open)
}

// closeAll closes clients and waits until no gateway has a connection.
func (p *project) closeAll(open []*client.Client) {
	p.t.Helper()
	for _, c := range open {
		c.Close() // it may have ended already
	}
	p.await("all connections to end", func() bool { return p.sum("p2p_gateway_connections") == 0 })
}

// relays returns how many relays all gateways have published to others, and how many they
// have delivered.
func (p *project) relays() (published, delivered float64) {
	p.t.Helper()
	return p.sum("p2p_gateway_relays_published_total"), p.sum(`p2p_gateway_relays_total{outcome="delivered"}`)
}

// sum adds a metric of all gateways up.
func (p *project) sum(metric string) (total float64) {
	p.t.Helper()
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(metric) + ` (\S+)$`)
	for _, c := range p.containers("gateway") {
		m := line.FindStringSubmatch(strings.ReplaceAll(p.ops(c, "/metrics"), "\r", ""))
		if m == nil {
			p.t.Fatalf("a gateway has no metric %s", metric)
		}
		v, err := strconv.ParseFloat(m[1], 64)
		must(p.t, err)
		total += v
	}
	return total
}
