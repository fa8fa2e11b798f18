package ownership

import "slices"

// transition is one step of one actor.
type transition struct {
	kind transitionKind
	at   int // which gateway, or which message in flight
}

type transitionKind uint8

const (
	deliver transitionKind = iota // a message arrives
	lose                          // a message never arrives
	delay                         // a message arrives when its sender has stopped waiting
	mistake                       // the sender of a question considers the gateway that it asks dead
	arrive                        // a frame for the client arrives at a gateway
	write                         // the client sends a frame
	relay                         // a frame from the client arrives at its peer
	resume                        // the client connects to a gateway
	crash
	grace // the grace is over at a gateway
	sync  // a gateway compares what it has with the directory
)

func (k transitionKind) String() string {
	return [...]string{"deliver", "lose", "delay", "mistake", "arrive", "write", "relay", "resume", "crash", "grace", "sync"}[k]
}

// enabled lists the transitions that are possible in this state.
func (w *model) enabled(all []transition) []transition {
	for i, m := range w.flight {
		all = append(all, transition{deliver, i})
		if w.left.losses > 0 {
			all = append(all, transition{lose, i})
		}
		if w.left.late > 0 && m.waited && m.kind <= look {
			all = append(all, transition{delay, i})
		}
		if w.left.mistakes > 0 && m.kind == ask && m.waited && !w.gws[m.to].dead {
			all = append(all, transition{mistake, i})
		}
	}
	if w.left.up > 0 && w.client.at != nowhere {
		all = append(all, transition{write, w.client.at})
	}
	for i := range w.gws {
		if g := &w.gws[i]; !g.dead {
			all = w.enabledAt(i, g, all)
		}
	}
	return all
}

func (w *model) enabledAt(i int, g *gateway, all []transition) []transition {
	if len(g.link) > 0 {
		all = append(all, transition{relay, i})
	}
	if _, ok := w.accepts(i); ok && w.left.down > 0 {
		all = append(all, transition{arrive, i})
	}
	if w.left.resumes > 0 {
		all = append(all, transition{resume, i})
	}
	if w.left.crashes > 0 {
		all = append(all, transition{crash, i})
	}
	if w.left.graces > 0 && g.try == nil && (g.h.Phase == Lent || g.h.Phase == Serving && w.client.at != i) {
		all = append(all, transition{grace, i})
	}
	if w.left.syncs > 0 && g.try == nil && g.h.Phase != None {
		all = append(all, transition{sync, i})
	}
	return all
}

// apply applies a transition that is enabled.
func (w *model) apply(t transition) {
	g := t.at
	switch t.kind {
	case deliver, lose, delay, mistake:
		w.transmit(t)
		return
	case write:
		w.note("the client sends frame %d at %d", len(w.up)+1, g)
		w.left.up--
		w.up = append(w.up, fate{})
		w.gws[g].link = with(w.gws[g].link, frame{len(w.up), w.client.token.epoch})
		return
	}
	w.note("%s %d", t.kind, g)
	switch t.kind {
	case arrive:
		w.left.down--
		w.arrive(g)
	case relay:
		w.relay(g)
	case resume:
		w.left.resumes--
		w.resume(g)
	case crash:
		w.left.crashes--
		w.crash(g)
	case grace:
		w.left.graces--
		w.step(g, Event{Kind: GraceOver})
	case sync:
		w.left.syncs--
		w.sync(g)
	}
}

// transmit applies a transition of a message.
func (w *model) transmit(t transition) {
	m := w.flight[t.at]
	w.note("%s %s of %d to %d %+v", t.kind, m.kind, m.from, m.to, m.content())
	w.flight = slices.Concat(w.flight[:t.at], w.flight[t.at+1:])
	switch t.kind {
	case deliver:
		w.deliver(m)
	case lose:
		w.left.losses--
		w.unanswered(m)
	case delay:
		w.left.late--
		late := *m
		late.waited = false
		w.send(late)
		w.unanswered(m)
	case mistake:
		w.left.mistakes--
		w.gws[m.to].unsure = w.mutant != "trusts itself after a freeze"
		w.answered(m.from, Answer{Kind: Absent}, copyOf{})
	}
}

func (m *message) content() any {
	switch m.kind {
	case answer:
		return m.answer
	case notice:
		return m.event
	}
	return m.epoch
}

// unanswered ends the wait for m, or for the answer to m.
func (w *model) unanswered(m *message) {
	g := m.from
	if m.kind == answer || m.kind == notice {
		g = m.to
	}
	switch try := w.gws[g].try; {
	case !m.waited:
	case m.own:
		w.gws[g].wants = false
	case try.t.Stage == Asking:
		w.answered(g, Answer{Kind: Silent}, copyOf{})
	default:
		w.answered(g, Answer{Kind: Unknown}, copyOf{})
	}
}

func (w *model) deliver(m *message) {
	switch m.kind {
	case ask:
		w.ask(m)
	case take:
		w.take(m)
	case look:
		w.look(m)
	case confirm:
		w.confirm(m)
	case answer:
		try := w.gws[m.to].try
		try.nobody = try.nobody || m.answer.Kind == Absent && m.from == 0
		w.answered(m.to, m.answer, m.copy)
	case notice:
		w.step(m.to, m.event)
	}
}
