package ownership

import (
	"encoding/binary"
	"fmt"
	"slices"

	"p2pconnector/proto"
)

// encode returns the canonical encoding of a state: equal for two states exactly when the
// same can happen from there on.
func (w *model) encode() []byte {
	e := encoder{make([]byte, 0, 256)}
	for i := range w.gws {
		e.gateway(&w.gws[i])
	}
	d := &w.dir
	e.num(d.owner, int(d.epoch), d.attempt, int(d.revision), bits(d.ended), len(d.granted))
	e.num(d.granted...)
	e.num(w.client.at, w.client.last)
	e.token(w.client.token)
	e.num(int(w.peer.epoch), w.peer.last, int(w.route), bits(w.reliable))
	e.b = binary.LittleEndian.AppendUint64(e.b, uint64(w.routes))
	l := &w.left
	e.num(l.down, l.up, l.resumes, l.crashes, l.late, l.losses, l.mistakes, l.graces, l.syncs)
	for _, fates := range [][]fate{w.down, w.up} {
		e.num(len(fates))
		for _, f := range fates {
			e.num(f.received, f.reported, bits(f.lost, f.announced))
		}
	}
	messages := make([]string, len(w.flight)) // they have no order
	for i, m := range w.flight {
		x := encoder{make([]byte, 0, 64)}
		x.message(m)
		messages[i] = string(x.b)
	}
	slices.Sort(messages)
	for _, m := range messages {
		e.b = append(e.b, m...)
	}
	return e.b
}

// encoder appends numbers, which are small, as bytes.
type encoder struct{ b []byte }

func (e *encoder) num(all ...int) {
	for _, n := range all {
		if n < -1 || n > 254 {
			panic(fmt.Sprintf("%d does not fit into the encoding", n))
		}
		e.b = append(e.b, byte(n))
	}
}

func bits(all ...bool) (n int) {
	for i, x := range all {
		if x {
			n |= 1 << i
		}
	}
	return n
}

func (e *encoder) id(g proto.GatewayID) {
	if g == "" {
		e.num(-1)
		return
	}
	e.num(index(g))
}

func (e *encoder) token(t token) { e.num(t.owner, int(t.epoch), int(t.root), t.conn) }

func (e *encoder) copy(c *copyOf) {
	e.num(c.conn, bits(c.lossy), len(c.buf))
	e.num(c.buf...)
	e.token(c.confirmed)
}

func (e *encoder) frames(all []frame) {
	e.num(len(all))
	for _, f := range all {
		e.num(f.n, int(f.epoch))
	}
}

func (e *encoder) gateway(g *gateway) {
	h := &g.h
	e.num(bits(g.dead, g.unsure, g.wants, h.Ending, h.Lossy, g.try != nil), int(h.Phase), int(h.Epoch), int(h.Revision), int(g.root), g.tries)
	e.id(h.Other)
	e.copy(&g.own)
	e.frames(g.link)
	if g.try == nil {
		return
	}
	t := &g.try.t
	e.num(int(t.Stage), int(t.Number), int(t.Epoch), int(t.Revision), int(t.Root), int(t.known), bits(t.Copy, g.try.waiting, g.try.nobody), len(t.asked))
	e.id(t.Target)
	for _, q := range t.asked {
		e.id(q.of)
		e.num(int(q.epoch))
	}
	e.token(g.try.token)
	e.copy(&g.try.copy)
	e.frames(g.try.received)
}

func (e *encoder) message(m *message) {
	e.num(int(m.kind), m.from, m.to, bits(m.waited, m.own), int(m.epoch), int(m.revision), m.attempt)
	switch m.kind {
	case ask:
		e.token(m.token)
	case answer:
		a := &m.answer
		e.num(int(a.Kind), int(a.Epoch), int(a.Revision), int(a.Root))
		e.id(a.Owner)
		e.copy(&m.copy)
	case notice:
		x := &m.event
		e.num(int(x.Kind), int(x.Epoch), int(x.Revision), int(x.Root), bits(x.Seated, x.Dead))
		e.id(x.By)
	}
}
