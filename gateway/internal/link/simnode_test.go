package link

import (
	"bytes"
	"encoding/binary"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// node is a gateway.
type node struct {
	sim     *simulator
	n       int
	id      proto.GatewayID
	r       *Router
	recv    map[proto.GatewayID]*Receiver
	path    int  // changes with each connection to NATS
	up      bool // connected
	frozen  bool
	active  time.Duration // its clock of connected and running time
	inbox   []message
	session map[proto.PeerID]*simSession
}

// The Port of a node.

func (n *node) gateway(id proto.GatewayID) int {
	for i, g := range n.sim.gateways {
		if g.id == id {
			return i
		}
	}
	panic("no gateway " + string(id))
}

func (n *node) Publish(to proto.GatewayID, r *Record, base uint64) {
	c := *r
	c.Frame.Data = bytes.Clone(r.Frame.Data) // the window uses its memory again
	if n.sim.mutant == "base is not sent" {
		base = 0
	}
	n.sim.send(message{from: n.n, to: n.gateway(to), data: &c, base: base})
}

func (n *node) Poll(to proto.GatewayID, p bus.Poll) {
	if n.sim.mutant == "base is not sent" {
		p.Base = 0
	}
	n.sim.send(message{from: n.n, to: n.gateway(to), poll: &p})
}

func (n *node) Live(proto.GatewayID) bool { return true }

func (n *node) Lookup(proto.PeerID) { n.sim.fail("looked up a peer whose home lives") }

func (n *node) Unblocked(proto.PeerID) {}

func (n *node) Deliver(f *Frame) (proto.ErrorCode, *bus.Move) {
	s := n.session[f.To]
	if s == nil {
		return proto.NotFound, nil
	}
	switch s.phase {
	case "serving":
		if epoch := n.sim.peer(f.To).epoch; f.ToEpoch < epoch && n.sim.mutant != "ignores the receiver's epoch" {
			return "", &bus.Move{Peer: f.To, Owner: n.id, Epoch: epoch}
		}
		if !n.sim.fenced(s, f) {
			return proto.NotDelivered, nil
		}
		n.sim.arrive(f)
	case "arriving":
		if f.ToEpoch <= s.move.Epoch && n.sim.mutant != "ignores the receiver's epoch" {
			m := s.move // by a route to an earlier session here
			return "", &m
		}
		c := *f
		c.Data = append([]byte(nil), f.Data...)
		s.buffered = append(s.buffered, c)
	case "moved":
		m := s.move
		return "", &m
	}
	return "", nil
}

func (n *node) Report(f *Frame, code proto.ErrorCode, _ []proto.PeerID) {
	from, to := n.sim.peer(f.From), n.sim.peer(f.To)
	k := int(binary.BigEndian.Uint32(f.Data))
	fate := from.fate(to, k)
	fate.reported++
	n.sim.note("reported %d of %s to %s: %s", k, from.id, to.id, code)
	if fate.reported > 1 {
		n.sim.fail("frame %d of %s to %s was reported %d times", k, from.id, to.id, fate.reported)
	}
	if !n.sim.faulty && from.epoch == 0 && !from.moving { // what a peer sent before it moved may be refused as old
		n.sim.fail("frame %d of %s to %s was reported although nothing was lost: %s", k, from.id, to.id, code)
	}
}

// receive handles one message at a node.
func (n *node) receive(m message) {
	sim, from := n.sim, n.sim.gateways[m.from]
	switch {
	case m.nobody && m.data != nil:
		n.r.NoResponders(n.active, from.id, m.data.Seq)
	case m.nobody:
	case m.ack != nil:
		a := *m.ack
		if sim.mutant == "releases past a lost ack" {
			a.From = 0
		}
		n.r.Acked(n.active, from.id, a)
	case m.handoff != nil:
		n.moved(m)
	case m.poll != nil:
		n.receiver(from.id).Polled(*m.poll)
		n.ack(from, false)
	default:
		r := n.receiver(from.id)
		if sim.mutant == "takes above next" && m.data.Seq > r.next {
			r.next = m.data.Seq
		}
		if sim.mutant == "takes duplicates" && m.data.Seq < r.next {
			n.deliverRemote(r, m.data)
		}
		if r.Data(m.data.Seq, m.base) {
			n.deliverRemote(r, m.data)
		}
		n.ack(from, false)
	}
}

func (n *node) receiver(g proto.GatewayID) *Receiver {
	if n.recv[g] == nil {
		n.recv[g] = new(Receiver)
	}
	return n.recv[g]
}

func (n *node) deliverRemote(r *Receiver, rec *Record) {
	f := rec.Frame
	n.r.Learn(n.active, f.From, Route{Owner: n.gatewayOf(r), Epoch: f.Epoch})
	code, move := n.Deliver(&f)
	switch {
	case move != nil:
		r.Refused(bus.Refusal{Moved: []bus.Move{*move}})
	case code != "":
		r.Refused(bus.Refusal{Code: code})
	default:
		r.Taken(len(f.Data))
	}
}

func (n *node) gatewayOf(r *Receiver) proto.GatewayID {
	for g, x := range n.recv {
		if x == r {
			return g
		}
	}
	return ""
}

func (n *node) ack(to *node, tick bool) {
	if a, ok := n.receiver(to.id).Ack(tick); ok {
		if n.sim.mutant == "forgets refusals" {
			a.Refused = nil
		}
		n.sim.send(message{from: n.n, to: to.n, ack: &a})
	}
}

// moved handles the steps of a session's move: c asks a, a hands over, c is seated.
func (n *node) moved(m message) {
	sim, h := n.sim, *m.handoff
	p := h.peer
	switch {
	case h.ask: // at the owner
		s := n.session[p.id]
		frames, fence := s.buffered, s.fence.Epochs()
		if sim.mutant == "leaves the fence behind" {
			fence = nil
		}
		epoch := p.epoch + 1
		taker := sim.gateways[m.from]
		n.session[p.id] = &simSession{phase: "moved", move: bus.Move{Peer: p.id, Owner: taker.id, Epoch: epoch, Tentative: true}}
		n.r.Learn(n.active, p.id, Route{taker.id, epoch, true})
		n.sim.sendReliably(message{from: n.n, to: m.from, handoff: &handoff{peer: p, frames: frames, fence: fence, epoch: epoch}})
	case h.seated: // at the former owner
		if s := n.session[p.id]; s != nil && s.phase == "moved" {
			s.move.Tentative = false
			n.r.Learn(n.active, p.id, Route{s.move.Owner, s.move.Epoch, false})
		}
	default: // at the taker
		s := n.session[p.id]
		p.epoch, p.at, p.moving = h.epoch, n.n, false
		s.phase = "serving"
		s.fence.Merge(h.fence)
		for _, f := range append(h.frames, s.buffered...) {
			if sim.fenced(s, &f) {
				sim.arrive(&f)
			} else {
				n.Report(&f, proto.NotDelivered, nil)
			}
		}
		s.buffered = nil
		n.r.Learn(n.active, p.id, Route{Owner: n.id, Epoch: h.epoch})
		n.sim.sendReliably(message{from: n.n, to: m.from, handoff: &handoff{peer: p, seated: true}})
	}
}

func (n *node) keepHandoffs() {
	var buffered []message
	for _, m := range n.inbox {
		if m.handoff != nil {
			buffered = append(buffered, m)
		}
	}
	n.inbox = buffered
}

func (n *node) reconnect() {
	n.sim.note("reconnect %s", n.id)
	n.up = true
	n.path++
	n.r.Reconnected(n.active)
	for _, other := range n.sim.gateways {
		if n.recv[other.id] != nil {
			n.recv[other.id].due = true
			n.ack(other, true)
		}
	}
}
