package link

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of a Router.
const (
	totalWindows = 16  // bytes of all windows and of the frames that wait, in windows
	MaxWaiting   = 256 // frames that wait for one peer
	MaxRoutes    = 1 << 17
	MaxLookups   = 1024 // peers that are looked up in the directory at once
	maxRedirects = 4    // of one frame
)

// Port performs a Router's actions. The Router calls its methods from its own; they must
// not block, and must not call the Router.
type Port interface {
	// Publish sends a record to a gateway. A failure shows as a missing ack.
	Publish(to proto.GatewayID, r *Record, base uint64)
	// Poll asks a gateway for an ack.
	Poll(to proto.GatewayID, p bus.Poll)
	// Live reports whether the Router may link to a gateway: its lease has been received
	// and has not expired.
	Live(g proto.GatewayID) bool
	// Deliver hands a frame to a peer whose session is, or was, at this gateway.
	// Code is empty when the gateway is now responsible for the frame.
	Deliver(f *Frame) (code proto.ErrorCode, moved *bus.Move)
	// Lookup asks the directory where a peer is; Resolved brings the answer.
	Lookup(p proto.PeerID)
	// Report sends the sender of f an error, or publishes the outcome of a frame with a
	// Reply; an empty code means delivered. It must copy what it keeps of f. For a room
	// message, peers are the members that the outcome is about.
	Report(f *Frame, code proto.ErrorCode, peers []proto.PeerID)
	// Unblocked reports that no frame for p is on its way elsewhere: from now on frames for
	// p may be delivered here without the Router.
	Unblocked(p proto.PeerID)
}

// Router sends the frames of one gateway to the gateways of their receivers. Not safe for
// concurrent use: its caller holds a lock.
type Router struct {
	own    proto.GatewayID
	port   Port
	window Window // of each link
	links  map[proto.GatewayID]*Sender
	high   uint64 // newest number of the closed links: new links begin above it
	routes routes
	waits  map[proto.PeerID]*wait
	order  []*wait // oldest first
	looked int     // number of waits for the directory
	sent   uint64  // frames that Send has numbered
	bytes  int     // of all frames that are held
	edits  uint64  // changes of the routes and of the waits
	counts Counts
}

// Counts are the totals and the present state of a Router.
type Counts struct {
	Published, Resent    uint64 // records
	Polls, Redirects     uint64
	Full                 uint64 // frames refused because a window, a wait or the sum of all was full
	LostGateway, TooLong uint64 // records given up: their gateway is gone; not acknowledged in time

	Records, Bytes  int // in all windows, and with the frames that wait
	Links, Waiting  int // links; peers whose frames wait
	Routes, Lookups int
}

// Counts returns the present values.
func (r *Router) Counts() Counts {
	c := r.counts
	for _, s := range r.links {
		c.Records += s.Len()
	}
	c.Bytes, c.Links, c.Waiting, c.Routes, c.Lookups = r.bytes, len(r.links), len(r.order), len(r.routes.all), r.looked
	return c
}

// wait holds the frames for a peer until its barriers are passed, or until the directory answers.
// Room messages are among them, each for this member alone.
type wait struct {
	peer       proto.PeerID
	until      []barrier
	lookup     bool
	redirected []Frame // frames that came back, in the order they were sent; older than all others
	queue      []Frame
}

// barrier is passed when all numbers up to and including upto have left the window of link.
type barrier struct {
	link *Sender
	upto uint64
}

// NewRouter returns the router of gateway own, each of whose links has that window.
func NewRouter(own proto.GatewayID, port Port, window Window) *Router {
	return &Router{
		own: own, port: port, window: window, links: make(map[proto.GatewayID]*Sender),
		routes: routes{limit: MaxRoutes, all: make(map[proto.PeerID]*list.Element)}, waits: make(map[proto.PeerID]*wait),
	}
}

func (r *Router) maxTotal() int { return totalWindows * int(r.window) }

// Send sends a new frame. A code that is not empty refuses it: nothing was sent, and no
// outcome is reported later. Send keeps no reference to f.Data.
func (r *Router) Send(now time.Duration, f Frame) proto.ErrorCode {
	if f.order == 0 {
		r.sent++
		f.order = r.sent
	}
	if w := r.waits[f.To]; w != nil {
		return r.enqueue(w, f)
	}
	return r.forward(now, &f)
}

// enqueue makes a frame wait behind others for the same receiver.
func (r *Router) enqueue(w *wait, f Frame) proto.ErrorCode {
	if len(w.queue) >= MaxWaiting || r.bytes+len(f.Data) > r.maxTotal() {
		r.counts.Full++
		return proto.Unavailable
	}
	f.Data = slices.Clone(f.Data)
	r.bytes += len(f.Data)
	w.queue = append(w.queue, f)
	return ""
}

// forward sends a frame to its receiver's gateway.
func (r *Router) forward(now time.Duration, f *Frame) proto.ErrorCode {
	to := f.At
	if f.To != "" {
		route := r.Owner(f.To)
		to, f.ToEpoch = route.Owner, route.Epoch
		if to == r.own {
			return r.deliver(now, *f)
		}
	}
	switch {
	case r.port.Live(to):
		return r.push(now, to, f)
	case f.To == "":
		return proto.NotDelivered
	case f.looked:
		return proto.NotFound
	}
	return r.lookup(*f, false)
}

// Routed reports whether the Router has a route of a peer that does not lead to its home.
func (r *Router) Routed(p proto.PeerID) bool {
	_, ok := r.routes.get(p)
	return ok
}

// Owner returns the route of a peer, or the route to its home when none is known.
func (r *Router) Owner(p proto.PeerID) Route {
	if x, ok := r.routes.get(p); ok {
		return x
	}
	return Route{Owner: p.Home()}
}

func (r *Router) push(now time.Duration, to proto.GatewayID, f *Frame) proto.ErrorCode {
	s := r.links[to]
	if s == nil {
		s = NewSender(r.high+1, r.window, &r.bytes)
		r.links[proto.GatewayID([]byte(to))] = s
	}
	if s.Full(len(f.Data)) || r.bytes+len(f.Data) > r.maxTotal() {
		r.counts.Full++
		return proto.Unavailable // before the frame has a number, which would be a hole that nothing fills
	}
	if rec, publish := s.Push(now, f); publish {
		r.counts.Published++
		r.port.Publish(to, rec, s.base)
	}
	return ""
}

// deliver hands a frame to a peer of this gateway. Its outcome is known at once.
func (r *Router) deliver(now time.Duration, f Frame) proto.ErrorCode {
	code, moved := r.port.Deliver(&f)
	switch {
	case moved != nil:
		return r.redirect(now, f, *moved)
	case code == proto.NotFound && f.To.Home() != r.own && !f.looked:
		return r.lookup(f, false)
	case code == "" && f.Confirm:
		r.port.Report(&f, "", nil)
	}
	return code
}

// redirect forwards a frame that went to the wrong gateway.
func (r *Router) redirect(now time.Duration, f Frame, m bus.Move) proto.ErrorCode {
	r.counts.Redirects++
	r.learn(now, m.Peer, Route{m.Owner, m.Epoch, m.Tentative})
	if f.redirects++; f.redirects > maxRedirects {
		return proto.NotDelivered
	}
	if w := r.waits[f.To]; w != nil {
		r.returned(w, f)
		return ""
	}
	return r.forward(now, &f)
}

// returned makes a frame wait that has been sent before. Frames for one peer may come back
// from several gateways, and an earlier frame from a later gateway: one ack can redirect the
// first frame to a gateway that the peer has left again, and the next frame to its present
// gateway.
func (r *Router) returned(w *wait, f Frame) {
	f.Data = slices.Clone(f.Data)
	r.bytes += len(f.Data)
	at, _ := slices.BinarySearchFunc(w.redirected, f.order, func(x Frame, order uint64) int { return cmp.Compare(x.order, order) })
	w.redirected = slices.Insert(w.redirected, at, f)
}

// lookup makes a frame wait for the directory; older puts it before frames that were
// sent later.
func (r *Router) lookup(f Frame, older bool) proto.ErrorCode {
	w := r.waits[f.To]
	if w == nil {
		if r.looked >= MaxLookups {
			r.counts.Full++
			return proto.Unavailable
		}
		w = r.wait(f.To)
	}
	if !w.lookup {
		w.lookup = true
		r.looked++
		r.port.Lookup(w.peer)
	}
	f.looked = true
	if older {
		r.returned(w, f)
		return ""
	}
	return r.enqueue(w, f)
}

func (r *Router) wait(p proto.PeerID) *wait {
	w := r.waits[p]
	if w == nil {
		w = &wait{peer: proto.PeerID([]byte(p))}
		r.waits[w.peer] = w
		r.edits++
		r.order = append(r.order, w)
	}
	return w
}

// Edits counts the changes that may affect the result of GoesTo for any peer.
func (r *Router) Edits() uint64 { return r.edits }

// GoesTo reports whether a frame for a peer would go to a gateway at once: its route leads
// there, and no frame for it waits. Otherwise a room message must go to this member like a
// frame for it alone, because the message must not overtake other frames of its sender, nor
// be overtaken by them.
func (r *Router) GoesTo(p proto.PeerID, g proto.GatewayID) bool {
	return r.waits[p] == nil && r.routes.owner(p) == g
}
