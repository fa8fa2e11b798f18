package link

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// world is a deterministic model of gateways, the NATS servers between them, and
// clients that send, move between gateways and count what they receive. All that
// happens is an event that pick chooses.
type world struct {
	pick   func(n int) int // one of n
	bounds bounds
	now    time.Duration
	step   time.Duration // of a tick
	gws    []*node
	pipes  map[[3]int]*pipe // from, to, path
	keys   [][3]int         // of pipes, in order of making
	peers  []*simPeer
	faulty bool // something was lost or given up on purpose
	bad    error
	mutant mutant
	log    []string
	trace  bool
	list   []event
}

// bounds limit what happens in one run. ticks 0 means any number of ticks.
type bounds struct {
	gateways, peers, frames, cuts, freezes, moves, ticks int
	oneWay                                               bool // only the first peer sends, to the second
}

// mutant breaks one rule.
type mutant string

// node is a gateway.
type node struct {
	w       *world
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
	phase string // serving, arriving, moved
	move  bus.Move
	kept  []Frame
	fence Fence
}

func newWorld(b bounds, pick func(int) int) *world {
	w := &world{pick: pick, bounds: b, step: 100 * time.Millisecond, pipes: make(map[[3]int]*pipe)}
	for i := range b.gateways {
		n := &node{w: w, n: i, id: proto.GatewayID(fmt.Sprintf("%08x", i+1)), up: true, recv: make(map[proto.GatewayID]*Receiver), session: make(map[proto.PeerID]*simSession)}
		n.r = NewRouter(n.id, n)
		w.gws = append(w.gws, n)
	}
	for i := range b.peers {
		home := w.gws[i%b.gateways]
		p := &simPeer{
			id: proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", home.id, i)), at: home.n,
			sent: make(map[*simPeer]int), last: make(map[*simPeer]int), frames: make(map[fateKey]*fate),
		}
		home.session[p.id] = &simSession{phase: "serving"}
		w.peers = append(w.peers, p)
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.bad == nil {
		w.bad = fmt.Errorf(format, args...)
	}
}

func (w *world) note(format string, args ...any) {
	if w.trace {
		w.log = append(w.log, fmt.Sprintf("%v ", w.now)+fmt.Sprintf(format, args...))
	}
}

func (w *world) peer(id proto.PeerID) *simPeer {
	for _, p := range w.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// send puts a message into the pipe of the sender's present connection.
func (w *world) send(m message) {
	from := w.gws[m.from]
	if !from.up {
		return // its client library drops it
	}
	k := [3]int{m.from, m.to, from.path}
	p := w.pipes[k]
	if p == nil {
		p = new(pipe)
		w.pipes[k] = p
		w.keys = append(w.keys, k)
	}
	p.q = append(p.q, m)
}

// The Port of a node.

func (n *node) gateway(id proto.GatewayID) int {
	for i, g := range n.w.gws {
		if g.id == id {
			return i
		}
	}
	panic("no gateway " + string(id))
}

func (n *node) Publish(to proto.GatewayID, r *Record, base uint64) {
	c := *r
	if n.w.mutant == "base is not sent" {
		base = 0
	}
	n.w.send(message{from: n.n, to: n.gateway(to), data: &c, base: base})
}

func (n *node) Poll(to proto.GatewayID, p bus.Poll) {
	if n.w.mutant == "base is not sent" {
		p.Base = 0
	}
	n.w.send(message{from: n.n, to: n.gateway(to), poll: &p})
}

func (n *node) Live(proto.GatewayID) bool { return true }
func (n *node) Lookup(proto.PeerID)       { n.w.fail("looked up a peer whose home lives") }
func (n *node) Settled(proto.PeerID)      {}

func (n *node) Deliver(f *Frame) (proto.ErrorCode, *bus.Move) {
	s := n.session[f.To]
	if s == nil {
		return proto.NotFound, nil
	}
	switch s.phase {
	case "serving":
		if epoch := n.w.peer(f.To).epoch; f.ToEpoch < epoch && n.w.mutant != "ignores the receiver's epoch" {
			return "", &bus.Move{Peer: f.To, Owner: n.id, Epoch: epoch}
		}
		if !n.w.fenced(s, f) {
			return proto.NotDelivered, nil
		}
		n.w.arrive(f)
	case "arriving":
		if f.ToEpoch <= s.move.Epoch && n.w.mutant != "ignores the receiver's epoch" {
			m := s.move // by a route to an earlier session here
			return "", &m
		}
		c := *f
		c.Data = append([]byte(nil), f.Data...)
		s.kept = append(s.kept, c)
	case "moved":
		m := s.move
		return "", &m
	}
	return "", nil
}

func (w *world) fenced(s *simSession, f *Frame) bool {
	return s.fence.Pass(f.From, f.Epoch) || w.mutant == "no epoch check"
}

func (w *world) arrive(f *Frame) {
	p, from := w.peer(f.To), w.peer(f.From)
	n := int(binary.BigEndian.Uint32(f.Data))
	from.fate(p, n).delivered++
	w.note("%s gets %d of %s", p.id, n, from.id)
	if n <= p.last[from] {
		w.fail("%s received frame %d of %s behind frame %d", p.id, n, from.id, p.last[from])
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

func (n *node) Report(f *Frame, code proto.ErrorCode, _ []proto.PeerID) {
	from, to := n.w.peer(f.From), n.w.peer(f.To)
	k := int(binary.BigEndian.Uint32(f.Data))
	fate := from.fate(to, k)
	fate.reported++
	n.w.note("reported %d of %s to %s: %s", k, from.id, to.id, code)
	if fate.reported > 1 {
		n.w.fail("frame %d of %s to %s was reported %d times", k, from.id, to.id, fate.reported)
	}
	if !n.w.faulty && from.epoch == 0 && !from.moving { // what a peer sent before it moved may be refused as old
		n.w.fail("frame %d of %s to %s was reported although nothing was lost: %s", k, from.id, to.id, code)
	}
}

// receive handles one message at a node.
func (n *node) receive(m message) {
	w, from := n.w, n.w.gws[m.from]
	switch {
	case m.nobody && m.data != nil:
		n.r.NoResponders(n.active, from.id, m.data.Seq)
	case m.nobody:
	case m.ack != nil:
		a := *m.ack
		if w.mutant == "settles past a lost ack" {
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
		if w.mutant == "takes above next" && m.data.Seq > r.next {
			r.next = m.data.Seq
		}
		if w.mutant == "takes duplicates" && m.data.Seq < r.next {
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
		if n.w.mutant == "forgets refusals" {
			a.Refused = nil
		}
		n.w.send(message{from: n.n, to: to.n, ack: &a})
	}
}

// moved handles the steps of a session's move: c asks a, a hands over, c is seated.
func (n *node) moved(m message) {
	w, h := n.w, *m.handoff
	p := h.peer
	switch {
	case h.ask: // at the owner
		s := n.session[p.id]
		frames, fence := s.kept, s.fence.Epochs()
		if w.mutant == "leaves the fence behind" {
			fence = nil
		}
		epoch := p.epoch + 1
		taker := w.gws[m.from]
		n.session[p.id] = &simSession{phase: "moved", move: bus.Move{Peer: p.id, Owner: taker.id, Epoch: epoch, Tentative: true}}
		n.r.Learn(n.active, p.id, Route{taker.id, epoch, true})
		n.w.sendReliably(message{from: n.n, to: m.from, handoff: &handoff{peer: p, frames: frames, fence: fence, epoch: epoch}})
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
		for _, f := range append(h.frames, s.kept...) {
			if w.fenced(s, &f) {
				w.arrive(&f)
			} else {
				n.Report(&f, proto.NotDelivered, nil)
			}
		}
		s.kept = nil
		n.r.Learn(n.active, p.id, Route{Owner: n.id, Epoch: h.epoch})
		n.w.sendReliably(message{from: n.n, to: m.from, handoff: &handoff{peer: p, seated: true}})
	}
}

// event is something that may happen next.
type event struct {
	name string
	do   func()
}

// events lists what may happen now. The list is good until the next call.
func (w *world) events() []event {
	all := w.list[:0]
	for _, k := range w.keys {
		p := w.pipes[k]
		if len(p.q) > 0 {
			all = append(all, event{"arrive", func() { w.deliver(k) }})
		}
	}
	for _, n := range w.gws {
		if len(n.inbox) > 0 && !n.frozen {
			all = append(all, event{"handle", func() {
				m := n.inbox[0]
				n.inbox = n.inbox[1:]
				n.receive(m)
			}})
		}
		if !n.up {
			all = append(all, event{"reconnect", func() { n.reconnect() }})
		} else if w.bounds.cuts > 0 {
			all = append(all, event{"cut", func() { w.bounds.cuts--; w.cut(n) }})
		}
		if n.frozen {
			all = append(all, event{"thaw", func() { n.frozen = false }})
		} else if w.bounds.freezes > 0 {
			all = append(all, event{"freeze", func() { w.bounds.freezes--; n.frozen = true }})
		}
	}
	w.list = w.clientEvents(all)
	return w.list
}

func (w *world) clientEvents(all []event) []event {
	for i, p := range w.peers {
		if p.moving || w.gws[p.at].frozen {
			continue
		}
		if w.bounds.frames > 0 && (i == 0 || !w.bounds.oneWay) {
			all = append(all, event{"send", func() { w.sendFrame(p) }})
		}
		if w.bounds.moves > 0 && w.gws[p.at].up {
			all = append(all, event{"move", func() { w.move(p) }})
		}
	}
	if w.busy() && w.bounds.ticks != 1 {
		all = append(all, event{"tick", func() { w.bounds.ticks--; w.tick() }})
	}
	return all
}

func (w *world) busy() bool {
	for _, n := range w.gws {
		if !n.r.Idle() {
			return true
		}
	}
	return false
}

func (w *world) sendFrame(p *simPeer) {
	to := w.peers[1]
	if !w.bounds.oneWay {
		to = w.peers[w.pick(len(w.peers))]
	}
	if to == p {
		to = w.peers[(w.pick(len(w.peers)-1)+1+w.index(p))%len(w.peers)]
	}
	w.bounds.frames--
	n := w.gws[p.at]
	if !n.up && w.mutant != "numbers before refusing" {
		return // Unavailable: the client knows that nothing was sent
	}
	p.sent[to]++
	k := p.sent[to]
	f := Frame{From: p.id, To: to.id, Epoch: p.epoch, Data: binary.BigEndian.AppendUint32(nil, uint32(k))}
	w.note("%s sends %d to %s at %s", p.id, k, to.id, n.id)
	code := n.r.Send(n.active, f)
	if w.mutant == "numbers before refusing" && !n.up {
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

func (w *world) index(p *simPeer) int {
	for i, x := range w.peers {
		if x == p {
			return i
		}
	}
	return -1
}

// move begins a move of p to another gateway.
func (w *world) move(p *simPeer) {
	to := w.gws[(p.at+1+w.pick(len(w.gws)-1))%len(w.gws)]
	if !to.up || to.frozen {
		return
	}
	w.bounds.moves--
	w.note("%s moves to %s", p.id, to.id)
	p.moving = true
	to.session[p.id] = &simSession{phase: "arriving", move: bus.Move{Peer: p.id, Owner: w.gws[p.at].id, Epoch: p.epoch}}
	w.sendReliably(message{from: to.n, to: p.at, handoff: &handoff{peer: p, ask: true}})
}

// sendReliably is for the steps of a move, whose retries are not modelled: their
// sender is up, and cut puts back the messages that are lost.
func (w *world) sendReliably(m message) { w.gws[m.to].inbox = append(w.gws[m.to].inbox, m) }

// deliver moves a message from a pipe to its receiver's inbox, or answers that there is no
// receiver.
func (w *world) deliver(k [3]int) {
	p := w.pipes[k]
	m := p.q[0]
	p.q = p.q[1:]
	to := w.gws[m.to]
	if to.up || m.handoff != nil {
		to.inbox = append(to.inbox, m)
		return
	}
	w.faulty = true
	if from := w.gws[m.from]; from.up && from.path == k[2] && (m.data != nil || m.poll != nil) {
		from.inbox = append(from.inbox, message{from: m.to, to: m.from, data: m.data, poll: m.poll, nobody: true})
	}
}

// cut breaks a gateway's connection: messages that it has not read are lost. Messages that
// it sent may be lost, or arrive later by the old path.
func (w *world) cut(n *node) {
	w.note("cut %s", n.id)
	w.faulty = true
	n.up = false
	n.keepHandoffs()
	lost := w.pick(2) == 0
	for _, k := range w.keys {
		if k[0] == n.n && lost {
			q := w.pipes[k].q
			w.pipes[k].q = nil
			for _, m := range q {
				if m.handoff != nil {
					w.sendReliably(m)
				}
			}
		}
	}
}

func (n *node) keepHandoffs() {
	var kept []message
	for _, m := range n.inbox {
		if m.handoff != nil {
			kept = append(kept, m)
		}
	}
	n.inbox = kept
}

func (n *node) reconnect() {
	n.w.note("reconnect %s", n.id)
	n.up = true
	n.path++
	n.r.Reconnected(n.active)
	for _, other := range n.w.gws {
		if n.recv[other.id] != nil {
			n.recv[other.id].due = true
			n.ack(other, true)
		}
	}
}

// tick lets time pass.
func (w *world) tick() {
	step := w.step
	w.now += step
	for _, n := range w.gws {
		frozen := n.frozen || !n.up
		if !frozen {
			n.active += step
		}
		if n.frozen {
			continue
		}
		if w.mutant == "releases routes early" {
			for _, x := range n.r.order {
				x.until = nil
			}
		}
		n.r.Tick(n.active)
		if w.now%time.Second == 0 {
			for _, other := range w.gws {
				if n.recv[other.id] != nil {
					n.ack(other, true)
				}
			}
		}
	}
}

// settle ends all faults and lets everything come to rest, then checks the invariants.
func (w *world) settle() error {
	for _, n := range w.gws {
		if !n.up {
			n.reconnect()
		}
		n.frozen = false
	}
	w.bounds = bounds{}
	w.step = 100 * time.Millisecond
	for range 100000 {
		progress := false
		for _, k := range w.keys {
			for len(w.pipes[k].q) > 0 {
				w.deliver(k)
				progress = true
			}
		}
		for _, n := range w.gws {
			for len(n.inbox) > 0 {
				m := n.inbox[0]
				n.inbox = n.inbox[1:]
				n.receive(m)
				progress = true
			}
		}
		if !progress {
			if !w.busy() {
				break
			}
			w.tick()
		}
	}
	return w.judge()
}

func (w *world) judge() error {
	if w.busy() {
		w.fail("frames are unsettled at rest")
	}
	for _, p := range w.peers {
		for k, f := range p.frames {
			if f.delivered == 0 && f.reported == 0 {
				w.fail("frame %d of %s to %s was neither delivered nor reported", k.n, p.id, k.to.id)
			}
			if f.delivered > 1 {
				w.fail("frame %d of %s to %s was delivered %d times", k.n, p.id, k.to.id, f.delivered)
			}
		}
	}
	for _, n := range w.gws {
		if n.r.bytes != 0 {
			w.fail("gateway %s counts %d bytes at rest", n.id, n.r.bytes)
		}
	}
	return w.bad
}

// run lets steps random events happen, then settles.
func (w *world) run(steps int) error {
	for range steps {
		all := w.events()
		if len(all) == 0 || w.bad != nil {
			break
		}
		all[w.pick(len(all))].do()
	}
	return w.settle()
}

func randomWorld(seed uint64, m mutant) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := bounds{
		gateways: 2 + rng.IntN(3), peers: 2 + rng.IntN(4), frames: 5 + rng.IntN(40),
		cuts: rng.IntN(4), freezes: rng.IntN(3), moves: rng.IntN(6),
	}
	w := newWorld(b, rng.IntN)
	w.mutant = m
	return w
}
