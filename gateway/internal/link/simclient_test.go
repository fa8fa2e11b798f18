package link

import (
	"encoding/binary"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// simPeer is a client. It sends to every other client and counts the frames that arrive.
type simPeer struct {
	id     proto.PeerID
	at     int // the gateway that its connection is to; -1 while it resumes
	epoch  uint64
	sent   map[*simPeer]int
	last   map[*simPeer]int // newest number that arrived, by sender
	frames map[fateKey]*fate
	moving bool
}

type fateKey struct {
	to *simPeer
	n  int
}

type fate struct{ delivered, reported int }

// simSession is what a gateway knows of a peer.
type simSession struct {
	phase    string // serving, arriving, moved
	move     bus.Move
	buffered []Frame
	fence    Fence
}

func (sim *simulator) peer(id proto.PeerID) *simPeer {
	for _, p := range sim.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (sim *simulator) fenced(s *simSession, f *Frame) bool {
	return s.fence.Pass(f.From, f.Epoch) || sim.mutant == "no epoch check"
}

func (sim *simulator) arrive(f *Frame) {
	p, from := sim.peer(f.To), sim.peer(f.From)
	n := int(binary.BigEndian.Uint32(f.Data))
	from.fate(p, n).delivered++
	sim.note("%s gets %d of %s", p.id, n, from.id)
	if n <= p.last[from] {
		sim.fail("%s received frame %d of %s behind frame %d", p.id, n, from.id, p.last[from])
	}
	p.last[from] = max(n, p.last[from])
}

func (p *simPeer) fate(to *simPeer, n int) *fate {
	k := fateKey{to, n}
	if p.frames[k] == nil {
		p.frames[k] = new(fate)
	}
	return p.frames[k]
}

func (sim *simulator) clientEvents(all []event) []event {
	for i, p := range sim.peers {
		if p.moving || sim.gateways[p.at].frozen {
			continue
		}
		if sim.bounds.frames > 0 && (i == 0 || !sim.bounds.oneWay) {
			all = append(all, event{"send", func() { sim.sendFrame(p) }})
		}
		if sim.bounds.moves > 0 && sim.gateways[p.at].up {
			all = append(all, event{"move", func() { sim.move(p) }})
		}
	}
	if sim.busy() && sim.bounds.ticks != 1 {
		all = append(all, event{"tick", func() { sim.bounds.ticks--; sim.tick() }})
	}
	return all
}

func (sim *simulator) sendFrame(p *simPeer) {
	to := sim.peers[1]
	if !sim.bounds.oneWay {
		to = sim.peers[sim.pick(len(sim.peers))]
	}
	if to == p {
		to = sim.peers[(sim.pick(len(sim.peers)-1)+1+sim.index(p))%len(sim.peers)]
	}
	sim.bounds.frames--
	n := sim.gateways[p.at]
	if !n.up && sim.mutant != "numbers before refusing" {
		return // Unavailable: the client knows that nothing was sent
	}
	p.sent[to]++
	k := p.sent[to]
	f := Frame{From: p.id, To: to.id, Epoch: p.epoch, Data: binary.BigEndian.AppendUint32(nil, uint32(k))}
	sim.note("%s sends %d to %s at %s", p.id, k, to.id, n.id)
	code := n.r.Send(n.active, f)
	if sim.mutant == "numbers before refusing" && !n.up {
		// The client was refused, and the frame has a number all the same.
		p.fate(to, k).reported++
		return
	}
	switch code {
	case "":
		p.fate(to, k)
	case proto.Unavailable:
	default:
		n.Report(&f, code, nil)
	}
}

func (sim *simulator) index(p *simPeer) int {
	for i, x := range sim.peers {
		if x == p {
			return i
		}
	}
	return -1
}

// move begins a move of p to another gateway.
func (sim *simulator) move(p *simPeer) {
	to := sim.gateways[(p.at+1+sim.pick(len(sim.gateways)-1))%len(sim.gateways)]
	if !to.up || to.frozen {
		return
	}
	sim.bounds.moves--
	sim.note("%s moves to %s", p.id, to.id)
	p.moving = true
	to.session[p.id] = &simSession{phase: "arriving", move: bus.Move{Peer: p.id, Owner: sim.gateways[p.at].id, Epoch: p.epoch}}
	sim.sendReliably(message{from: to.n, to: p.at, handoff: &handoff{peer: p, ask: true}})
}
