package relay

import (
	"encoding/json"
	"sync"
	"unsafe"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Links carries frames between this gateway and the others: it gives the state machines of
// package link a clock, a lock and NATS. Safe for concurrent use, except where a method says
// that the reader of the inbox calls it.
type Links struct {
	cfg      Config
	sessions *session.Table
	rooms    *room.Rooms

	mu       sync.Mutex
	router   *link.Router
	alive    proto.GatewayID // known to be, for the present call; "": none
	outcomes []outcome       // that the router reported; sent after mu is released
	subject  []byte
	reply    []byte

	receivedMu sync.Mutex
	received   map[proto.GatewayID]*receiver // by the sending gateway
	oldHoles   uint64                        // of the links that were forgotten

	reorder reorderBuffer // owned by the reader of the inbox
}

// receiver is the receiving end of a link.
type receiver struct {
	link.Receiver
	from  proto.GatewayID
	peer  proto.PeerID // whose route was learned last, with its epoch
	epoch uint64
}

// outcome is an error frame for a peer, or an answer for a back end.
type outcome struct {
	to    proto.PeerID
	reply string
	data  []byte
}

// unlock releases mu, and then sends the outcomes that the router has reported.
func (l *Links) unlock() {
	all := l.outcomes
	l.outcomes = nil
	l.mu.Unlock()
	for _, x := range all {
		if x.reply != "" {
			l.answerBackEnd(x.reply, x.data)
			continue
		}
		l.sendToPeer(x.to, x.data)
	}
}

// send routes a frame. A code means that the frame was refused: nothing was sent, and no
// error is reported later. by limits the client's lookups in the directory; it is nil for
// frames of the server. send keeps no reference to f.
func (l *Links) send(f *link.Frame, by LookupLimiter) proto.ErrorCode {
	l.mu.Lock()
	defer l.unlock()
	if by != nil && !l.homeLives(f.To) && !l.router.Routed(f.To) {
		if !by.MayLookUp() {
			return proto.RateLimited
		}
	}
	code := l.router.Send(l.cfg.Liveness.Now(), *f)
	l.alive = ""
	return code
}

// homeLives reports whether the gateway that issued a peer is alive, and saves the router
// another look-up.
func (l *Links) homeLives(p proto.PeerID) bool {
	home := p.Home()
	if !l.cfg.Liveness.Alive(home) {
		return false
	}
	l.alive = home
	return true
}

// SendFor implements client.Relays.
func (l *Links) SendFor(f link.Frame, by LookupLimiter) proto.ErrorCode { return l.send(&f, by) }

// Connected implements client.Relays.
func (l *Links) Connected() bool { return l.cfg.Bus.Connected() }

// Undelivered implements client.Relays.
func (l *Links) Undelivered(f *link.Frame, code proto.ErrorCode, missed []proto.PeerID) []byte {
	return l.undelivered(f, code, missed)
}

// Send implements room.Relays, session.Relays and client.Relays.
func (l *Links) Send(f link.Frame) proto.ErrorCode { return l.send(&f, nil) }

// Learn implements session.Relays: it gives the router the route to a peer.
func (l *Links) Learn(p proto.PeerID, to link.Route) {
	l.mu.Lock()
	defer l.unlock()
	l.router.Learn(l.cfg.Liveness.Now(), p, to)
}

// Serve implements session.Relays: it records in the router that this gateway serves a peer.
func (l *Links) Serve(p proto.PeerID, epoch uint64) {
	l.mu.Lock()
	defer l.unlock()
	l.router.Serve(l.cfg.Liveness.Now(), p, epoch)
}

// RoomMoved implements room.Relays: it gives the router the gateways that members of a room
// have left, and the routes to them and to those that moved before.
func (l *Links) RoomMoved(from map[proto.PeerID]proto.GatewayID, to map[proto.PeerID]link.Route) {
	l.mu.Lock()
	defer l.unlock()
	now := l.cfg.Liveness.Now()
	l.router.RoomMoved(now, from)
	for p, route := range to {
		l.router.Learn(now, p, route)
	}
}

// SendRoom implements room.Relays: it sends a message of a member that is here to the other
// gateways that have members of a room. Members whose own frames take another route than
// the message to the room would get it one by one. SendRoom returns the members that it did
// not reach; reached is false when there are other gateways and nothing was sent to any.
// The caller holds the replica's lock.
func (l *Links) SendRoom(to *room.State, f link.Frame) (missed []proto.PeerID, reached bool) {
	gateways := to.Gateways()
	if n := len(gateways); n == 0 || n == 1 && gateways[l.cfg.Own] > 0 {
		return nil, true
	}
	l.mu.Lock()
	defer l.unlock()
	now, connected := l.cfg.Liveness.Now(), l.cfg.Bus.Connected()
	apart := to.Apart(l.cfg.Own, l.router.Edits(), l.router.GoesTo)
	alone := link.Frame{From: f.From, Room: f.Room, Epoch: f.Epoch, Data: f.Data}
	for _, id := range apart {
		switch alone.To = id; {
		case id == f.From:
		case connected && l.router.Send(now, alone) == "":
			reached = true
		case len(missed) < room.MaxMissed:
			missed = append(missed, id)
		}
	}
	var failed []proto.GatewayID
	there := f
	there.Except = apart
	for at := range gateways {
		if at == l.cfg.Own {
			continue
		}
		if there.At = at; connected && l.router.Send(now, there) == "" {
			reached = true
		} else {
			failed = append(failed, at)
		}
	}
	if len(failed) > 0 {
		missed = append(missed, to.At(failed)...)
	}
	return missed, reached
}

// resolve looks up the owner of a peer in the directory, for frames that wait.
func (l *Links) resolve(p proto.PeerID) {
	to, found, failed := l.cfg.Directory.Find(p)
	l.mu.Lock()
	defer l.unlock()
	l.router.Resolved(l.cfg.Liveness.Now(), p, to, found, failed)
}

// Tick runs the timers of the router. It is called every natsbus.RequestTick.
func (l *Links) Tick() {
	l.mu.Lock()
	defer l.unlock()
	l.router.Tick(l.cfg.Liveness.Now())
}

// Idle reports whether no relay is unacknowledged and none waits.
func (l *Links) Idle() bool {
	l.mu.Lock()
	defer l.unlock()
	return l.router.Idle()
}

func (l *Links) Counts() link.Counts {
	l.mu.Lock()
	defer l.unlock()
	return l.router.Counts()
}

// Holes counts the holes in the sequence numbers of relays from other gateways.
func (l *Links) Holes() (n uint64) {
	l.receivedMu.Lock()
	defer l.receivedMu.Unlock()
	n = l.oldHoles
	for _, r := range l.received {
		n += r.Holes()
	}
	return n
}

// Reconnected asks other gateways for acks that may have been lost with the connection to
// NATS, and repeats those that they may not have received.
func (l *Links) Reconnected() {
	l.mu.Lock()
	l.router.Reconnected(l.cfg.Liveness.Now())
	l.unlock()
	l.receivedMu.Lock()
	defer l.receivedMu.Unlock()
	for _, r := range l.received {
		r.Remind()
		l.ack(r, false)
	}
}

// AckAll sends the acks that are not due yet, and forgets the links of gateways that are gone.
func (l *Links) AckAll() {
	l.receivedMu.Lock()
	defer l.receivedMu.Unlock()
	for from, r := range l.received {
		l.ack(r, true)
		if l.cfg.Liveness.Forgotten(from) {
			l.oldHoles += r.Holes()
			delete(l.received, from)
		}
	}
}

// receiver returns the receiving end of the link from a gateway; nil when there are too
// many. The caller holds receivedMu.
func (l *Links) receiver(from proto.GatewayID) *receiver {
	r := l.received[from]
	if r == nil && len(l.received) < natsbus.MaxGateways {
		from = proto.GatewayID([]byte(from)) // it points into a subject
		r = &receiver{from: from}
		l.received[from] = r
	}
	return r
}

// ack sends an ack when one is due, or on a tick. The sender polls for a lost ack.
func (l *Links) ack(r *receiver, tick bool) {
	if a, ok := r.Ack(tick); ok {
		_ = l.cfg.Bus.Publish(bus.AckSubject(r.from, l.cfg.Own), frames.Marshal(a))
	}
}

// frame delivers the relays of another gateway in order, each at most once.
func (l *Links) frame(in *bus.Inbound, x *bus.Sent, m natsbus.Message) {
	l.receivedMu.Lock()
	defer l.receivedMu.Unlock()
	r := l.receiver(x.Gateway)
	if r == nil {
		return
	}
	if r.Data(x.Seq, x.Base) {
		refusal := l.deliverRelay(r, &held{in: *in, epoch: x.Epoch, toEpoch: x.ToEpoch, msg: m})
		if refusal.Code == "" && len(refusal.Moved) == 0 {
			r.Taken(len(m.Data))
		} else {
			r.Refused(refusal)
		}
	}
	l.ack(r, false)
}

// learnSender records in the router that the gateway of r serves a peer.
func (l *Links) learnSender(r *receiver, from proto.PeerID, epoch uint64) {
	if epoch == 0 || from == "" || r.peer == from && r.epoch == epoch {
		return
	}
	r.peer, r.epoch = proto.PeerID([]byte(from)), epoch
	l.Learn(r.peer, link.Route{Owner: r.from, Epoch: epoch})
}

// polled answers the poll of another gateway with an ack.
func (l *Links) polled(from proto.GatewayID, data []byte) {
	var p bus.Poll
	if json.Unmarshal(data, &p) != nil {
		return
	}
	l.receivedMu.Lock()
	defer l.receivedMu.Unlock()
	if r := l.receiver(from); r != nil {
		r.Polled(p)
		l.ack(r, false)
	}
}

// acked passes an ack to the router.
func (l *Links) acked(from proto.GatewayID, data []byte) {
	var a bus.Ack
	if json.Unmarshal(data, &a) != nil {
		return
	}
	l.mu.Lock()
	defer l.unlock()
	l.router.Acked(l.cfg.Liveness.Now(), from, a)
}

// noResponders reports to the router that nobody subscribes to the subject of a relay.
func (l *Links) noResponders(x *bus.Sent) {
	l.mu.Lock()
	defer l.unlock()
	l.router.NoResponders(l.cfg.Liveness.Now(), x.To, x.Seq)
}

// The following methods implement link.Port. The router calls them with mu held.

// Publish implements link.Port.
func (l *Links) Publish(to proto.GatewayID, r *link.Record, base uint64) {
	var err error
	f := &r.Frame
	if f.To != "" {
		l.subject, err = bus.AppendPeerSubject(l.subject[:0], to, f.To)
	} else {
		l.subject, err = bus.AppendRoomSubject(l.subject[:0], to, f.Room, f.From, f.View)
	}
	if err != nil { // its ids were checked when it was accepted
		l.cfg.Logger.Error("relay: no subject", "from", string(f.From), "to", string(f.To), "err", err)
		return
	}
	x := bus.Sent{Gateway: l.cfg.Own, To: to, Seq: r.Seq, Base: base, Epoch: f.Epoch, ToEpoch: f.ToEpoch}
	l.reply = bus.AppendSentSubject(l.reply[:0], &x)
	// What fails here shows as a missing ack.
	if f.Began != 0 || len(f.Except) > 0 || f.Shared != "" {
		_ = l.cfg.Bus.PublishMessage(natsbus.Message{Subject: view(l.subject), Reply: view(l.reply), Header: headerOf(f), Data: f.Data})
		return
	}
	_ = l.cfg.Bus.PublishRequest(view(l.subject), view(l.reply), f.Data)
}

// Poll implements link.Port.
func (l *Links) Poll(to proto.GatewayID, p bus.Poll) {
	_ = l.cfg.Bus.Publish(bus.LinkSubject(to, l.cfg.Own), frames.Marshal(p)) // the router repeats it
}

// Live implements link.Port.
func (l *Links) Live(g proto.GatewayID) bool {
	return l.alive != "" && g == l.alive || l.cfg.Liveness.Alive(g)
}

// Deliver implements link.Port.
func (l *Links) Deliver(f *link.Frame) (proto.ErrorCode, *bus.Move) {
	s := l.sessions.Get(f.To)
	if s == nil {
		l.cfg.Metrics.Relays.NotFound.Inc()
		return proto.NotFound, nil
	}
	return s.Take(*f)
}

// Lookup implements link.Port.
func (l *Links) Lookup(p proto.PeerID) {
	l.cfg.Go(func() { l.resolve(p) }, func() {}) // at the end nobody waits for it
}

// Report implements link.Port.
func (l *Links) Report(f *link.Frame, code proto.ErrorCode, peers []proto.PeerID) {
	switch {
	case f.Reply != "":
		l.outcomes = append(l.outcomes, outcome{reply: f.Reply, data: frames.Marshal(bus.Outcome{Code: code, Peers: peers})})
	case f.From == "":
		l.cfg.Metrics.Relays.Unreported.Inc() // it reported another frame, and its receiver is gone
	case code != "":
		l.cfg.Metrics.Relays.Drops.Inc(code)
		l.outcomes = append(l.outcomes, outcome{to: proto.PeerID([]byte(f.From)), data: l.undelivered(f, code, peers)})
	}
}

// Unblocked implements link.Port.
func (l *Links) Unblocked(p proto.PeerID) {
	if s := l.sessions.Get(p); s != nil {
		s.Unblocked()
	}
}

// view returns b as a string without a copy; it is valid for the length of a call.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
