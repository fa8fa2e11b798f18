package ownership

import "slices"

// This file has the invariants. Those about a transition are checked where it happens;
// check and rest check a state.

// grant records that the directory gives an epoch to gateway g.
func (w *model) grant(epoch uint64, g int) {
	if int(epoch) < len(w.dir.granted) {
		w.fail("the directory gives epoch %d to gateway %d, and gave it to %d before", epoch, g, w.dir.granted[epoch])
		return
	}
	if int(epoch) > len(w.dir.granted) {
		w.fail("the directory gives epoch %d, and the last one was %d", epoch, len(w.dir.granted)-1)
		return
	}
	w.dir.granted = with(w.dir.granted, g)
	w.routes.add(g, epoch)
}

// check fails when the state breaks an invariant.
func (w *model) check() {
	for i := range w.gws {
		h := &w.gws[i].h
		if h.Phase == Serving && (int(h.Epoch) >= len(w.dir.granted) || w.dir.granted[h.Epoch] != i) {
			w.fail("gateway %d serves in epoch %d, and the directory's owners by epoch are %v", i, h.Epoch, w.dir.granted)
		}
	}
	for i := range w.gws {
		if h := &w.gws[i].h; h.Phase == Moved && h.Other == id(i) {
			w.fail("gateway %d takes itself for the owner in epoch %d, which it does not have", i, h.Epoch)
		}
	}
	if at := w.client.at; at != nowhere && w.gws[at].h.Phase != Serving {
		w.fail("the client is connected to gateway %d, which does not serve it", at)
	}
}

// checkRecovered fails when an accepted frame is missing and was not reported.
func (w *model) checkRecovered(i int) {
	for n, f := range w.down {
		if f.received == 0 && f.reported == 0 && !f.announced && !slices.Contains(w.gws[i].own.buf, n+1) && !w.waits(n+1) {
			w.fail("gateway %d says that all was recovered, and frame %d is missing", i, n+1)
		}
	}
}

// waits reports whether a gateway holds a frame for the client, which it will deliver or
// report.
func (w *model) waits(n int) bool {
	return slices.ContainsFunc(w.gws, func(g gateway) bool {
		return slices.Contains(g.own.buf, n) || g.try != nil && slices.ContainsFunc(g.try.received, func(f frame) bool { return f.n == n })
	})
}

// receive is the client's side of a frame for it.
func (w *model) receive(n int) {
	if w.down[n-1].received++; w.down[n-1].received > 1 {
		w.fail("the client received frame %d twice", n)
	}
	if n < w.client.last {
		w.fail("the client received frame %d behind frame %d", n, w.client.last)
	}
	w.client.last = max(n, w.client.last)
}

// sent is the peer's side of a frame from the client.
func (w *model) sent(n int) {
	if w.up[n-1].received++; w.up[n-1].received > 1 {
		w.fail("the peer received frame %d twice", n)
	}
	if n < w.peer.last {
		w.fail("the peer received frame %d behind frame %d", n, w.peer.last)
	}
	w.peer.last = max(n, w.peer.last)
}

func (w *model) report(frames []frame) {
	for _, f := range frames {
		w.reportAll([]int{f.n})
	}
}

func (w *model) reportAll(frames []int) {
	for _, n := range frames {
		w.down[n-1].reported++
	}
}

// quiesce lets no more faults happen, delivers what is in flight, and ends the grace of
// every loan. Then the state must be at rest.
func (w *model) quiesce() {
	w.left = budget{}
	w.drain()
	for range 3 {
		for i := range w.gws {
			if w.gws[i].dead {
				continue
			}
			w.sync(i)
			if w.gws[i].h.Phase == Lent {
				w.note("grace %d", i)
				w.step(i, Event{Kind: GraceOver})
			}
			w.drain()
		}
	}
	w.rest()
}

func (w *model) drain() {
	var all []transition
	for range 200 {
		all = w.enabled(all[:0])
		if len(all) == 0 || w.bad != nil {
			return
		}
		w.apply(all[0])
		w.check()
	}
	w.fail("200 messages after the last fault there are still some in flight")
}

// rest fails when a state in which nothing more happens breaks an invariant.
func (w *model) rest() {
	owner := nowhere
	for i := range w.gws {
		g := &w.gws[i]
		switch {
		case g.h.Phase == Lent || g.try != nil || g.wants:
			w.fail("gateway %d has a loan or an attempt at rest: %+v", i, g.h)
		case g.h.Phase == Serving && owner != nowhere:
			w.fail("gateways %d and %d both serve the session at rest", owner, i)
		case g.h.Phase == Serving:
			owner = i
		case len(g.own.buf) > 0:
			w.fail("gateway %d holds frames of a session that it does not serve at rest", i)
		}
	}
	if d := &w.dir; owner != nowhere && (d.ended || d.owner != owner || d.epoch != w.gws[owner].h.Epoch) {
		w.fail("gateway %d serves the session at rest in epoch %d, and the directory has %+v", owner, w.gws[owner].h.Epoch, *d)
	}
	for n, f := range w.down {
		waits := w.waits(n + 1)
		if f.received+f.reported == 0 && !f.lost && !waits {
			w.fail("frame %d to the client was accepted, and neither received nor reported", n+1)
		}
		if f.received > 0 && waits {
			w.fail("frame %d to the client was received, and waits still", n+1)
		}
		if f.received > 0 && f.reported > 0 && w.reliable {
			w.fail("frame %d to the client was received and reported, although no gateway failed and no answer was late", n+1)
		}
	}
	for n, f := range w.up {
		if f.received+f.reported == 0 && !f.lost {
			w.fail("frame %d from the client was neither received nor reported", n+1)
		}
	}
}
