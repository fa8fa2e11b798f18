package link

import (
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

type pipe struct{ q []message }

// message is one NATS message between gateways.
type message struct {
	from, to int
	data     *Record
	base     uint64
	ack      *bus.Ack
	poll     *bus.Poll
	nobody   bool // a 503 for data or poll
	handoff  *handoff
}

type handoff struct {
	peer   *simPeer
	frames []Frame
	fence  map[proto.PeerID]uint64
	epoch  uint64
	seated bool
	ask    bool
}

// send puts a message into the pipe of the sender's present connection.
func (sim *simulator) send(m message) {
	from := sim.gateways[m.from]
	if !from.up {
		return // its client library drops it
	}
	k := [3]int{m.from, m.to, from.path}
	p := sim.pipes[k]
	if p == nil {
		p = new(pipe)
		sim.pipes[k] = p
		sim.keys = append(sim.keys, k)
	}
	p.q = append(p.q, m)
}

// sendReliably is for the steps of a move, whose retries are not modelled: their
// sender is up, and cut puts back the messages that are lost.
func (sim *simulator) sendReliably(m message) {
	sim.gateways[m.to].inbox = append(sim.gateways[m.to].inbox, m)
}

// deliver moves a message from a pipe to its receiver's inbox, or answers that there is no
// receiver.
func (sim *simulator) deliver(k [3]int) {
	p := sim.pipes[k]
	m := p.q[0]
	p.q = p.q[1:]
	to := sim.gateways[m.to]
	if to.up || m.handoff != nil {
		to.inbox = append(to.inbox, m)
		return
	}
	sim.faulty = true
	if from := sim.gateways[m.from]; from.up && from.path == k[2] && (m.data != nil || m.poll != nil) {
		from.inbox = append(from.inbox, message{from: m.to, to: m.from, data: m.data, poll: m.poll, nobody: true})
	}
}

// cut breaks a gateway's connection: messages that it has not read are lost. Messages that
// it sent may be lost, or arrive later by the old path.
func (sim *simulator) cut(n *node) {
	sim.note("cut %s", n.id)
	sim.faulty = true
	n.up = false
	n.keepHandoffs()
	lost := sim.pick(2) == 0
	for _, k := range sim.keys {
		if k[0] == n.n && lost {
			q := sim.pipes[k].q
			sim.pipes[k].q = nil
			for _, m := range q {
				if m.handoff != nil {
					sim.sendReliably(m)
				}
			}
		}
	}
}
