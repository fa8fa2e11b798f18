package ownership

import "slices"

// This file models the gateways: the shell around Holding and Taker, as in package gateway.

// accepts returns the epoch by which gateway i accepts a frame for the client. It returns
// false when it accepts none, or when no sender has that route, or has it any more.
func (w *model) accepts(i int) (uint64, bool) {
	g := &w.gws[i]
	epoch, ok := g.h.Epoch, g.h.Phase == Serving
	if try := g.try; try != nil {
		epoch, ok = try.t.Epoch, try.t.Stage == Taking && w.routes.has(i, try.t.Epoch)
		if try.t.Stage == Asking { // its answer may be on the way, and the lender redirects already
			epoch = w.gws[index(try.t.Target)].h.Epoch + 1
			ok = epoch > try.t.known && w.routes.has(i, epoch)
		}
	}
	return epoch, ok && epoch >= w.route
}

// arrive delivers a frame for the client to gateway i, which accepts it.
func (w *model) arrive(i int) {
	g := &w.gws[i]
	w.route, _ = w.accepts(i)
	w.down = append(w.down, fate{})
	n := len(w.down)
	switch {
	case g.try != nil:
		g.try.received = with(g.try.received, frame{n, w.route})
	case w.client.at == i:
		w.receive(n)
	default:
		g.own.buf = with(g.own.buf, n)
	}
}

// relay delivers the oldest frame on a gateway's link to the peer. The peer refuses it when
// the client has moved in the meantime and may have sent later frames.
func (w *model) relay(i int) {
	g := &w.gws[i]
	f := g.link[0]
	g.link = g.link[1:]
	if f.epoch < w.peer.epoch && w.mutant != "delivers what was sent in an earlier epoch" {
		w.up[f.n-1].reported++
		return
	}
	w.peer.epoch = f.epoch
	w.sent(f.n)
}

// resume makes the client connect to gateway i and present its token.
func (w *model) resume(i int) {
	g, tok := &w.gws[i], w.client.token
	w.hangUp()
	w.learn(i, tok)
	switch {
	case g.try != nil: // another connection resumes the session: the client is refused, and tries again
	case g.h.Phase == Serving || g.h.Phase == Lent:
		if tok.before(g.own.confirmed) {
			w.fail("gateway %d refuses the client's newest token %+v as old", i, tok)
			return
		}
		g.wants = true
		w.step(i, Event{Kind: Resumed})
	case g.h.Phase == None && tok.epoch == 0 && tok.owner == i: // it has ended
	default:
		owner, epoch := id(tok.owner), tok.epoch
		if g.h.Phase == Moved && g.h.Epoch > epoch {
			owner, epoch = g.h.Other, g.h.Epoch
		}
		g.tries++
		g.try = &attempt{t: NewTaker(id(i), uint64(g.tries), id(0), owner, epoch), token: tok, waiting: true}
		w.advance(i)
	}
}

// learn records what a client's token proves: its owner was seated in its epoch, and had
// what all owners from its root on had.
func (w *model) learn(i int, t token) {
	if w.mutant == "takes an owner by its token for one without a copy" {
		t.root = t.epoch
	}
	if t.owner != i {
		w.step(i, Event{Kind: Outdated, By: id(t.owner), Epoch: t.epoch, Seated: true, Root: t.root})
	}
}

// hangUp ends the client's connection, or its wait for one.
func (w *model) hangUp() {
	w.client.at = nowhere
	for i := range w.gws {
		g := &w.gws[i]
		g.wants = false
		if g.try != nil {
			g.try.waiting = false
		}
	}
}

// answered advances the attempt of gateway i by an answer.
func (w *model) answered(i int, a Answer, c copyOf) {
	try := w.gws[i].try
	if a.Kind == NoEntry && (try.nobody || i == 0) {
		a.Kind = Ended
	}
	switch a.Kind {
	case Handoff:
		try.copy = c
	case Won:
	default: // the frames that arrived were for an epoch that another gateway owns
		if w.mutant != "keeps what came for a lost epoch" {
			w.report(try.received)
			try.received = nil
		}
	}
	had := try.t.Copy
	try.t = try.t.Step(a)
	if w.mutant == "keeps the copy for a later epoch" {
		try.t.Copy = try.t.Copy || had
	}
	w.advance(i)
}

// advance performs the action for the stage of an attempt.
func (w *model) advance(i int) {
	g := &w.gws[i]
	try := g.try
	switch try.t.Stage {
	case Asking:
		w.send(message{kind: ask, from: i, to: index(try.t.Target), waited: true, token: try.token})
	case Looking:
		w.send(message{kind: look, from: i, to: directory, waited: true})
	case Taking:
		if w.mutant == "serves before the directory" {
			w.seat(i)
			return
		}
		w.send(message{kind: take, from: i, to: directory, waited: true, epoch: try.t.Epoch, revision: try.t.Revision, attempt: int(try.t.Number)})
	case Seated:
		w.seat(i)
	case Failed:
		g.try = nil
		w.report(try.received)
	}
}

// ask is the owner's side of a taker's question.
func (w *model) ask(m *message) {
	g := &w.gws[m.to]
	a, c := Answer{Kind: Absent}, copyOf{}
	switch {
	case g.dead:
		if m.waited {
			w.answered(m.from, a, c)
		}
		return
	case g.try != nil:
		a.Kind = Silent
	default:
		w.learn(m.to, m.token)
		a, c = w.lend(m)
	}
	if m.waited {
		w.send(message{kind: answer, from: m.to, to: m.from, waited: true, answer: a, copy: c})
	}
}

func (w *model) lend(m *message) (Answer, copyOf) {
	g := &w.gws[m.to]
	owns := g.h.Phase == Serving || g.h.Phase == Lent
	if owns && m.token.before(g.own.confirmed) {
		return Answer{Kind: Refused}, copyOf{}
	}
	next, action := g.h.Step(Event{Kind: Asked, By: id(m.from)})
	switch action {
	case Lend:
		if w.client.at == m.to {
			w.client.at = nowhere
		}
		g.wants = false
		c := g.own
		c.lossy = c.lossy || next.Lossy && w.mutant != "hides that it has lent before" || g.unsure
		if w.mutant == "sends frames to the last taker" {
			next.Other = id(m.from)
		}
		w.routes.add(index(next.Other), next.Epoch+1)
		a := Answer{Kind: Handoff, Epoch: next.Epoch, Revision: next.Revision, Root: g.root}
		switch w.mutant {
		case "forgets the loan at once":
			next, g.own = Holding{}, copyOf{}
		case "serves on after it has lent":
			next.Phase = Serving
		}
		g.h = next
		return a, c
	case Redirect:
		return Answer{Kind: Redirected, Owner: next.Other, Epoch: next.Epoch}, copyOf{}
	}
	return Answer{Kind: Absent}, copyOf{}
}

// seat makes the gateway of an attempt the owner.
func (w *model) seat(i int) {
	g := &w.gws[i]
	try := g.try
	c := try.copy
	if !try.t.Copy {
		w.reliable = false
		c = copyOf{conn: try.token.conn, confirmed: try.token, lossy: w.mutant != "says that it recovered without a copy"}
	}
	for _, f := range try.received {
		if f.epoch == try.t.Epoch || w.mutant == "keeps what came for a lost epoch" {
			c.buf = with(c.buf, f.n)
		} else {
			w.report([]frame{f})
		}
	}
	g.try, g.own, g.root = nil, c, try.t.Root
	g.h = Holding{Phase: Serving, Epoch: try.t.Epoch, Revision: try.t.Revision}
	g.unsure = !try.t.Copy && w.mutant != "takes the owner that it could not ask for dead"
	if try.waiting {
		w.attach(i, !c.lossy)
	}
	seated := Event{Kind: Outdated, By: id(i), Epoch: try.t.Epoch, Seated: true, Root: try.t.Root}
	notified := []int{i}
	for _, to := range []int{try.token.owner, 0, w.target(try)} {
		if !slices.Contains(notified, to) && !w.gws[to].dead {
			notified = append(notified, to)
			w.send(message{kind: notice, from: i, to: to, event: seated})
		}
	}
}

// target returns the gateway that an attempt asked last, or the gateway that issued the peer.
func (w *model) target(try *attempt) int {
	if try.t.Target == "" {
		return 0
	}
	return index(try.t.Target)
}

// attach gives the client its connection and the waiting frames.
func (w *model) attach(i int, recovered bool) {
	g := &w.gws[i]
	w.note("  %d attaches the client: epoch %d, recovered %v, frames %v", i, g.h.Epoch, recovered, g.own.buf)
	g.own.lossy = false
	g.own.conn++
	t := token{owner: i, epoch: g.h.Epoch, root: g.root, conn: g.own.conn}
	if !w.client.token.before(t) {
		w.fail("gateway %d issues the token %+v behind %+v", i, t, w.client.token)
	}
	w.client.at, w.client.token, g.own.confirmed = i, t, t
	if recovered {
		w.checkRecovered(i)
	} else {
		for n := range w.down {
			w.down[n].announced = true
		}
	}
	for _, n := range g.own.buf {
		w.receive(n)
	}
	g.own.buf = nil
}

// step applies an event to the holding of gateway i, and performs the action.
func (w *model) step(i int, e Event) {
	g := &w.gws[i]
	if g.dead || g.try != nil || e.Kind == Outdated && e.By == id(i) {
		return
	}
	h, e := w.mutate(g.h, e)
	next, action := h.Step(e)
	g.h = next
	switch action {
	case Attach:
		recovered := !g.own.lossy && !next.Lossy && !g.unsure
		if e.Kind == Took {
			g.unsure = w.mutant != "trusts itself after it took the session back"
		}
		g.own.lossy, g.h.Lossy = g.own.lossy || next.Lossy, false
		if g.wants {
			g.wants = false
			w.attach(i, recovered)
		}
	case Take:
		w.send(message{kind: take, from: i, to: directory, waited: true, own: true, epoch: next.Epoch + 1, revision: next.Revision})
	case Confirm:
		w.routes.add(index(next.Other), next.Epoch+1)
		w.send(message{kind: look, from: i, to: directory, waited: true, own: true})
	case Drop:
		w.leave(i)
		w.reportAll(g.own.buf)
		g.own = copyOf{}
	case Forget:
		w.leave(i)
		g.own = copyOf{}
	case End:
		w.leave(i)
		w.reportAll(g.own.buf)
		g.own = copyOf{}
		if e.Kind == Took {
			h.Epoch = e.Epoch
		}
		if d := &w.dir; d.owner == i && d.epoch == h.Epoch && d.revision > 0 {
			d.ended = true // at once: no lender asks, and finds the entry, in between
		}
	}
}

// mutate breaks the rule of a mutant.
func (w *model) mutate(h Holding, e Event) (Holding, Event) {
	switch {
	case w.mutant == "no epoch check" && e.Kind == Outdated:
		h.Epoch = min(h.Epoch, e.Epoch-1)
	case w.mutant == "trusts the directory that the winner serves" && e.Kind == Outdated:
		e.Seated = true
	case w.mutant == "forgets the copy of every loan" && e.Kind == Outdated:
		e.Root = 0
	case w.mutant == "takes a loan back from a dead owner":
		e.Dead = false
	}
	return h, e
}

// leave closes the client's connection to gateway i, or its wait for one.
func (w *model) leave(i int) {
	w.gws[i].wants = false
	if w.client.at == i {
		w.client.at = nowhere
	}
}

// confirm is the side of the gateway that the directory names, when a lender asks it
// whether it has the session.
func (w *model) confirm(m *message) {
	g := &w.gws[m.to]
	switch {
	case w.gws[m.from].dead:
	case g.dead, g.try == nil && (g.h.Phase == None || g.h.Phase == Moved && g.h.Epoch <= m.epoch):
		w.send(message{kind: notice, from: m.to, to: m.from, event: Event{Kind: NotSeated, By: id(m.to), Epoch: m.epoch, Revision: m.revision, Dead: g.dead}})
	case g.try != nil: // asked again at the end of the grace
	case g.h.Phase == Moved:
		w.send(message{kind: notice, from: m.to, to: m.from, event: Event{Kind: Outdated, By: g.h.Other, Epoch: g.h.Epoch}})
	default:
		w.send(message{kind: notice, from: m.to, to: m.from, event: Event{Kind: Outdated, By: id(m.to), Epoch: g.h.Epoch, Seated: true, Root: g.root}})
	}
}

// crash ends gateway i.
func (w *model) crash(i int) {
	g := &w.gws[i]
	for _, n := range g.own.buf {
		w.down[n-1].lost = true
	}
	if g.try != nil {
		for _, f := range g.try.received {
			w.down[f.n-1].lost = true
		}
	}
	for _, f := range g.link {
		w.up[f.n-1].lost = true
	}
	w.leave(i)
	*g = gateway{dead: true}
	var flight []*message
	for _, m := range w.flight {
		switch {
		case m.to == i && (m.kind == answer || m.kind == notice), m.from == i && (m.kind == look || m.kind == confirm):
		case m.from == i && m.waited && m.kind <= look:
			alone := *m
			alone.waited = false
			flight = append(flight, &alone)
		default:
			flight = append(flight, m)
		}
	}
	w.flight = flight
}

// sync compares the holding of a gateway that may have missed that it lost the session.
func (w *model) sync(i int) {
	g, d := &w.gws[i], &w.dir
	switch {
	case w.mutant == "skips the sync":
	case d.ended:
		w.step(i, Event{Kind: Gone})
	case d.revision > 0 && d.owner != i:
		w.step(i, Event{Kind: Outdated, By: id(d.owner), Epoch: d.epoch})
	}
	pending := func(m *message) bool { return m.kind == take }
	competing := func(o gateway) bool {
		return o.try != nil || o.h.Phase != None && o.h.Phase != Moved && o.h.Epoch < g.h.Epoch
	}
	if !slices.ContainsFunc(w.flight, pending) && !slices.ContainsFunc(w.gws, competing) {
		g.unsure = false
	}
}
