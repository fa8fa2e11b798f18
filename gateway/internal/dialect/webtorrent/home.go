package webtorrent

import (
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// viewFor is for how long a gateway uses what it knows of the others.
const viewFor = 100 * time.Millisecond

// Service returns the peer id by which the tracker of a gateway is reached. No client has it,
// because the rest of a client's id is random.
func Service(g proto.GatewayID) proto.PeerID {
	return proto.PeerID(string(g) + "-0000-8000-8000-000000000001")
}

// homes decides which gateway is the home of a swarm. Safe for concurrent use.
type homes struct {
	own proto.GatewayID
	ask func() []proto.GatewayID

	mu   sync.Mutex
	at   clock.Instant
	view []proto.GatewayID // sorted; not modified
}

// now returns the gateways among which homes are chosen.
func (h *homes) now(now clock.Instant) []proto.GatewayID {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.view == nil || now.Sub(h.at) >= viewFor {
		h.at = now
		view := h.ask()
		slices.Sort(view)
		if !slices.Equal(view, h.view) {
			h.view = view
		}
	}
	return h.view
}

// forget makes now ask again.
func (h *homes) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = 0
}

// homeOf returns the gateway of view that ranks highest for a hash; own when view is empty.
func (h *homes) homeOf(hash id, view []proto.GatewayID) (home proto.GatewayID) {
	home = h.own
	var best uint64
	for i, g := range view {
		if r := rank(hash, g); i == 0 || r > best {
			home, best = g, r
		}
	}
	return home
}

// rank mixes a hash and a gateway's id; all gateways must come to the same number.
func rank(hash id, g proto.GatewayID) uint64 {
	n, _ := strconv.ParseUint(string(g), 16, 32) // it is valid
	x := binary.BigEndian.Uint64(hash[:]) ^ binary.BigEndian.Uint64(hash[12:]) ^ (n+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // the finalizer of SplitMix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
