package ownership

import (
	"fmt"
	"slices"

	"p2pconnector/proto"
)

// model is one state of one session: gateways, the directory, the messages
// between them, a client that resumes wherever it likes, and frames in both directions.
// A transition leads from one state to the next. Slices are never changed in place, so
// that states can share them.
type model struct {
	gws    []gateway
	dir    register
	flight []*message // in no order: each may overtake all others
	client client
	peer   peer
	left   budget
	routes routes
	route  uint64 // the newest epoch by which the peer has sent: it goes back to none before
	down   []fate // of the frames to the client, by number from 1
	up     []fate // of those from the client
	mutant mutant
	// reliable: no gateway has failed, every message arrives while its sender waits for it,
	// and each owner has a copy from the one before. Then the sender of a frame that the
	// client receives gets no error. Messages may still overtake each other, and the client
	// may resume again before they arrive.
	reliable bool
	bad      error // the first invariant that was broken
	trace    *[]string
}

// budget bounds what may still happen.
type budget struct {
	down, up int // frames to the client and from it
	resumes  int
	crashes  int
	late     int // messages whose sender stops waiting before they arrive
	losses   int // messages that never arrive
	mistakes int // gateways that are frozen, and taken for dead
	graces   int // ends of a session's grace
	syncs    int // comparisons with the directory
}

// mutant names a rule that the model breaks.
type mutant string

// fate is the outcome of a frame.
type fate struct {
	received, reported int
	lost               bool // with a gateway that crashed
	announced          bool // the client knows that something may be missing
}

// register is the directory's entry.
type register struct {
	owner    int
	epoch    uint64
	attempt  int // of the owner; 0: it took its session back
	revision uint64
	ended    bool
	granted  []int // the owner of each epoch so far
}

type client struct {
	at    int // the gateway of its connection, or nowhere
	token token
	last  int // newest frame received
}

// peer exchanges frames with the client. It refuses frames of an earlier epoch than the
// newest that it has seen.
type peer struct {
	epoch uint64
	last  int // newest frame received
}

// Not indexes of gateways.
const (
	nowhere   = -1
	directory = -1
)

// token is what a client presents: the gateway that issued it, the epoch, the first of the
// epochs of which that gateway had everything, and the connection of the session.
type token struct {
	owner int
	epoch uint64
	root  uint64
	conn  int
}

// before reports whether t is of an earlier connection than u.
func (t token) before(u token) bool {
	return t.epoch < u.epoch || t.epoch == u.epoch && t.conn < u.conn
}

// copyOf is the content of a handoff.
type copyOf struct {
	buf       []int
	conn      int
	confirmed token // of the newest connection on which the client has read something
	lossy     bool  // something may be missing, and the client does not know yet
}

type gateway struct {
	dead   bool
	unsure bool // another may take the session over, or have accepted frames for it and died
	tries  int  // attempts so far
	wants  bool // the client waits here for a lender's own take
	h      Holding
	root   uint64
	own    copyOf
	try    *attempt // of taking the session over; nil: none
	link   []frame  // from the client, on their way to the peer, in order
}

type attempt struct {
	t        Taker
	token    token
	copy     copyOf
	received []frame
	waiting  bool // the client has not given it up
	nobody   bool // the gateway that issued the peer says that it has no such session
}

// frame is on its way with the epoch in which it was sent: from the client, that of its
// connection; to it, that of the route.
type frame struct {
	n     int
	epoch uint64
}

// message is on its way between two gateways, or to or from the directory. It is never
// changed.
type message struct {
	kind     messageKind
	from, to int
	waited   bool  // its sender, or for an answer its receiver, waits
	own      bool  // take, look: by a lender; otherwise by an attempt
	token    token // ask
	epoch    uint64
	revision uint64 // take, confirm
	attempt  int    // take; 0: by a lender
	answer   Answer
	copy     copyOf // answer
	event    Event
}

type messageKind int

const (
	ask     messageKind = iota // a taker's question for the session
	take                       // to the directory
	look                       // to the directory
	confirm                    // a lender's question to the owner in the directory, whether it serves
	answer                     // to an attempt
	notice                     // an event for the receiver's holding
)

func (k messageKind) String() string {
	return [...]string{"ask", "take", "look", "confirm", "answer", "notice"}[k]
}

// routes is the set of the owners and epochs that a lender or the directory has ever
// named to senders.
type routes uint64

func (r *routes) add(g int, epoch uint64)     { *r |= 1 << (4*epoch + uint64(g)) }
func (r routes) has(g int, epoch uint64) bool { return r&(1<<(4*epoch+uint64(g))) != 0 }

func id(g int) proto.GatewayID { return proto.GatewayID(fmt.Sprintf("%08x", g+1)) }

func index(g proto.GatewayID) int { return int(g[len(g)-1] - '1') }

// newModel returns the initial state: the first gateway has issued the peer, and its
// client is connected there.
func newModel(gateways int, left budget, m mutant) *model {
	w := &model{gws: make([]gateway, gateways), left: left, mutant: m, dir: register{granted: []int{0}}}
	w.reliable = left.crashes+left.late+left.losses+left.mistakes+left.graces == 0
	first := token{conn: 1}
	w.gws[0].h = Holding{Phase: Serving}
	w.gws[0].own = copyOf{conn: 1, confirmed: first}
	w.client.token = first
	return w
}

// clone returns a copy that transitions may change without changing w.
func (w *model) clone() *model {
	c := *w
	c.gws = slices.Clone(w.gws)
	for i := range c.gws {
		if try := c.gws[i].try; try != nil {
			t := *try
			c.gws[i].try = &t
		}
	}
	c.down, c.up = slices.Clone(w.down), slices.Clone(w.up)
	return &c
}

func (w *model) note(format string, args ...any) {
	if w.trace != nil {
		*w.trace = append(*w.trace, fmt.Sprintf(format, args...))
	}
}

func (w *model) fail(format string, args ...any) {
	if w.bad == nil {
		w.bad = fmt.Errorf(format, args...)
	}
}

// with returns list with x appended, and does not change the array that others share.
func with[T any](list []T, x ...T) []T { return append(slices.Clip(list), x...) }

func (w *model) send(m message) { w.flight = with(w.flight, &m) }

// take is the directory's side of taking an epoch: a compare-and-set.
func (w *model) take(m *message) {
	d := &w.dir
	a := Answer{Kind: Won}
	switch {
	case d.ended:
		a = Answer{Kind: Ended}
	case d.revision > 0 && d.owner == m.from && d.epoch == m.epoch && (d.attempt == m.attempt || w.mutant == "takes the epoch of an earlier attempt"): // it was repeated
	case d.revision != m.revision && w.mutant != "takes without a revision":
		a = Answer{Kind: Lost, Owner: id(d.owner), Epoch: d.epoch}
	case d.revision == 0 && m.epoch > 1:
		a = Answer{Kind: Ended}
	default:
		w.note("  the directory: %d owns epoch %d", m.from, m.epoch)
		w.grant(m.epoch, m.from)
		d.owner, d.epoch, d.attempt, d.revision = m.from, m.epoch, m.attempt, d.revision+1
	}
	a.Revision = d.revision
	switch {
	case !m.waited || w.gws[m.from].dead:
	case !m.own:
		w.send(message{kind: answer, from: directory, to: m.from, waited: true, answer: a})
	default:
		w.send(message{kind: notice, from: directory, to: m.from, waited: true, own: true, event: taken(m.epoch, a)})
	}
}

// taken handles the directory's answer to a lender that takes an epoch.
func taken(epoch uint64, a Answer) Event {
	switch a.Kind {
	case Won:
		return Event{Kind: Took, Epoch: epoch, Revision: a.Revision}
	case Lost:
		return Event{Kind: Outdated, By: a.Owner, Epoch: a.Epoch}
	}
	return Event{Kind: Gone}
}

// look is the directory's side of a read.
func (w *model) look(m *message) {
	d := &w.dir
	a := Answer{Kind: Entry, Owner: id(d.owner), Epoch: d.epoch, Revision: d.revision}
	switch {
	case d.ended:
		a = Answer{Kind: Ended}
	case d.revision == 0:
		a = Answer{Kind: NoEntry}
	}
	switch {
	case !m.waited:
	case !m.own:
		w.send(message{kind: answer, from: directory, to: m.from, waited: true, answer: a})
	case a.Kind == Entry && d.owner != m.from: // the lender asks the owner at once
		w.send(message{kind: confirm, from: m.from, to: d.owner, epoch: d.epoch, revision: d.revision})
	}
}
