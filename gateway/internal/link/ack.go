package link

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Acked handles an ack of gateway from.
func (r *Router) Acked(now time.Duration, from proto.GatewayID, a bus.Ack) {
	s := r.links[from]
	if s == nil {
		return
	}
	if a.From > s.base && s.Len() > 0 && now-s.pollAt >= blockedPauses[0] {
		r.poll(now, from, s) // an ack was lost, with its refusals
	}
	refused, resend := s.Acked(a)
	for i := range refused {
		r.refused(now, from, &refused[i])
	}
	if resend {
		s.Unacked(func(rec *Record) bool {
			r.counts.Resent++
			r.port.Publish(from, rec, s.base)
			return true
		})
	}
	r.release(now)
}

// refused handles a frame that gateway from did not deliver.
func (r *Router) refused(now time.Duration, from proto.GatewayID, x *Outcome) {
	f := &x.Frame
	for _, m := range x.Refusal.Moved {
		g := *f
		g.To, g.At, g.Except = m.Peer, "", nil
		r.block(now, m.Peer, from) // other frames that come back from there go first
		if code := r.redirect(now, g, m); code != "" {
			r.report(&g, code)
		}
	}
	switch code := x.Refusal.Code; {
	case code == "" && len(x.Refusal.Moved) == 0:
		r.port.Report(f, "", nil)
	case code == "":
	case code == proto.NotFound && f.To != "" && f.To.Home() != from && !f.looked:
		// Only the gateway that issued a peer knows that the peer does not exist.
		if code := r.lookup(*f, true); code != "" {
			r.report(f, code)
		}
	default:
		r.port.Report(f, code, x.Refusal.Peers)
	}
}

// report reports the outcome of a frame for one peer.
func (r *Router) report(f *Frame, code proto.ErrorCode) {
	if code == proto.Unavailable {
		code = proto.NotDelivered // it had been accepted
	}
	var peers []proto.PeerID
	if f.Room != "" && f.To != "" {
		peers = []proto.PeerID{f.To}
	}
	r.port.Report(f, code, peers)
}

// NoResponders handles the notice that gateway to, which record seq was for, is not
// subscribed.
func (r *Router) NoResponders(now time.Duration, to proto.GatewayID, seq uint64) {
	if s := r.links[to]; s != nil {
		s.NoResponders(now, seq)
	}
}

// Learn records the route of a peer. A route that is not newer than the known route changes
// nothing.
func (r *Router) Learn(now time.Duration, p proto.PeerID, to Route) {
	r.learn(now, p, to)
	r.release(now)
}

func (r *Router) learn(now time.Duration, p proto.PeerID, to Route) {
	if was := r.Owner(p); to.newerThan(was) {
		r.change(now, p, was, to)
	}
}

// Serve records that this gateway serves a peer in an epoch, after a takeover.
func (r *Router) Serve(now time.Duration, p proto.PeerID, epoch uint64) {
	r.Learn(now, p, Route{Owner: r.own, Epoch: epoch})
	if r.Owner(p).Owner == r.own && r.waits[p] == nil {
		r.port.Unblocked(p)
	}
}

func (r *Router) change(now time.Duration, p proto.PeerID, was, to Route) {
	r.edits++
	r.routes.put(p, Route{proto.GatewayID([]byte(to.Owner)), to.Epoch, to.Tentative})
	if was.Owner != to.Owner || was.Epoch != to.Epoch {
		r.block(now, p, was.Owner)
	}
	if to.Owner == r.own && r.waits[p] == nil {
		r.port.Unblocked(p)
	}
}

// block makes new frames for a peer wait until the frames on the link to a gateway have left
// its window.
func (r *Router) block(now time.Duration, p proto.PeerID, old proto.GatewayID) {
	s := r.links[old]
	if s == nil || s.Len() == 0 {
		return
	}
	r.wait(p).await(s)
	if s.polls == 0 || s.pollHead != s.head { // otherwise that poll asks for it
		r.poll(now, old, s)
	}
}

// await makes a wait last until all frames that are on a link now have left its window.
func (w *wait) await(s *Sender) {
	for i := range w.until {
		if w.until[i].link == s {
			w.until[i].upto = s.head
			return
		}
	}
	w.until = append(w.until, barrier{s, s.head})
}

// RoomMoved records that members of a room have moved to other gateways. Frames for them
// wait for the room messages that may come back from the gateways that they left.
func (r *Router) RoomMoved(now time.Duration, from map[proto.PeerID]proto.GatewayID) {
	for p, g := range from {
		if g != r.own {
			r.block(now, p, g)
		}
	}
}

// Resolved handles the directory's answer about a peer. found is false when no gateway has
// its session; failed is true when the directory did not answer.
func (r *Router) Resolved(now time.Duration, p proto.PeerID, to Route, found, failed bool) {
	w := r.waits[p]
	if w == nil || !w.lookup {
		return
	}
	w.lookup = false
	r.looked--
	if found {
		// The directory decides. A tentative route, which names a gateway that had only
		// asked for the session, does not.
		if was := r.Owner(p); was.Tentative || to.newerThan(was) {
			r.change(now, p, was, to)
		}
		r.release(now)
		return
	}
	code := proto.NotFound
	if failed {
		code = proto.NotDelivered
	}
	frames := w.frames()
	w.redirected, w.queue = nil, nil
	for i := range frames {
		r.bytes -= len(frames[i].Data)
		r.report(&frames[i], code)
	}
	r.release(now)
}

func (w *wait) frames() []Frame { return append(w.redirected, w.queue...) }

// passed reports whether all barriers of a wait are passed.
func (w *wait) passed() bool {
	for _, b := range w.until {
		if b.link.base <= b.upto {
			return false
		}
	}
	return !w.lookup
}

// release sends the frames whose wait is over.
func (r *Router) release(now time.Duration) {
	for i := 0; i < len(r.order); {
		w := r.order[i]
		if !w.passed() {
			i++
			continue
		}
		r.order = slices.Delete(r.order, i, i+1)
		delete(r.waits, w.peer)
		r.edits++
		r.sendWaiting(now, w)
		i = 0 // the frames that it sent may have moved other waits
	}
}

func (r *Router) sendWaiting(now time.Duration, w *wait) {
	for _, f := range w.frames() {
		r.bytes -= len(f.Data)
		if code := r.Send(now, f); code != "" {
			r.report(&f, code)
		}
	}
	if r.waits[w.peer] == nil && r.Owner(w.peer).Owner == r.own {
		r.port.Unblocked(w.peer)
	}
}

// Tick gives up frames that are too old, and polls when a poll is due. It must be called at
// least ten times a second for the pauses of a blocked link to hold.
func (r *Router) Tick(now time.Duration) {
	for g, s := range r.links {
		var gaveUp []Frame
		poll, live := false, r.port.Live(g)
		if live {
			gaveUp, poll = s.Tick(now)
		} else {
			gaveUp = s.GiveUp()
			r.high = max(r.high, s.head)
			delete(r.links, g)
		}
		for i := range gaveUp {
			r.gaveUp(&gaveUp[i], live)
		}
		if poll {
			r.poll(now, g, s)
		}
	}
	r.release(now)
}

// gaveUp reports a frame that was given up: its outcome is not known.
func (r *Router) gaveUp(f *Frame, live bool) {
	code := proto.NotDelivered
	if live {
		r.counts.TooLong++
	} else {
		r.counts.LostGateway++
		if f.To != "" {
			code = proto.NotFound
		}
	}
	r.report(f, code)
}

// Reconnected polls every link that has unacknowledged frames, after the connection to NATS
// was lost.
func (r *Router) Reconnected(now time.Duration) {
	for g, s := range r.links {
		if s.Len() > 0 {
			r.poll(now, g, s)
		}
	}
}

func (r *Router) poll(now time.Duration, g proto.GatewayID, s *Sender) {
	r.counts.Polls++
	r.port.Poll(g, s.Poll(now))
}

// Idle reports whether all windows are empty and nothing waits.
func (r *Router) Idle() bool {
	for _, s := range r.links {
		if s.Len() > 0 {
			return false
		}
	}
	return len(r.order) == 0
}
