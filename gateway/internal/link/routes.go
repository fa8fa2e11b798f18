package link

import (
	"container/list"

	"p2pconnector/proto"
)

// Route names the gateway that has a peer's session.
type Route struct {
	Owner proto.GatewayID
	Epoch uint64
	// Tentative: the owner has asked for the session. The route ranks between the epoch
	// before and its own, because another gateway may win that epoch.
	Tentative bool
}

// newerThan reports whether r is newer than another route of the same peer.
func (r Route) newerThan(other Route) bool {
	if r.Epoch != other.Epoch {
		return r.Epoch > other.Epoch
	}
	return other.Tentative && !r.Tentative
}

// routes remembers the gateways of peers that are not at home. The least recently used
// routes are evicted: frames for such a peer go to its home again.
type routes struct {
	limit int
	all   map[proto.PeerID]*list.Element
	order list.List // most recently used first
}

type routeEntry struct {
	peer proto.PeerID
	Route
}

func (t *routes) get(p proto.PeerID) (Route, bool) {
	e := t.all[p]
	if e == nil {
		return Route{}, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*routeEntry).Route, true
}

// owner returns the gateway that frames for p go to. The call does not count as a use.
func (t *routes) owner(p proto.PeerID) proto.GatewayID {
	if e := t.all[p]; e != nil {
		return e.Value.(*routeEntry).Owner
	}
	return p.Home()
}

func (t *routes) put(p proto.PeerID, r Route) {
	if e := t.all[p]; e != nil {
		e.Value.(*routeEntry).Route = r
		t.order.MoveToFront(e)
		return
	}
	if len(t.all) >= t.limit {
		oldest := t.order.Back()
		delete(t.all, oldest.Value.(*routeEntry).peer)
		t.order.Remove(oldest)
	}
	// The id may point into a message whose memory is reused.
	entry := &routeEntry{proto.PeerID([]byte(p)), r}
	t.all[entry.peer] = t.order.PushFront(entry)
}
