// Package inbound handles the messages that other services send to this gateway, and writes
// the frames that result to the connections.
package inbound

import (
	"encoding/json"
	"log/slog"

	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ops"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// perTurn is how many messages are handled before connections are written.
const perTurn = 256

// maxWrites is how many connections are written before waiting messages are handled,
// whether they are all that one read brought or not.
const maxWrites = 32

// Config says what a Reader works with. Every field is required.
type Config struct {
	Inbox    *natsbus.Inbox
	Sockets  *socket.Server
	Links    *relay.Links
	Sessions *session.Table
	Rooms    *room.Rooms
	Requests *natsbus.Requests
	Loop     *ops.Loop
	Faults   *metrics.Faults
	Logger   *slog.Logger
}

// Reader handles the messages in the inbox. Only one goroutine at a time may call its methods.
type Reader struct{ cfg Config }

// New returns a reader.
func New(cfg Config) *Reader { return &Reader{cfg} }

// Run handles messages from NATS until done is closed, and writes the frames
// that result: handing a single frame to another goroutine would cost more than the
// system call. Messages that arrive in one read are handled together, so that few
// writes send their frames.
func (r *Reader) Run(done <-chan struct{}) {
	w := r.cfg.Sockets.NewWriter()
	defer w.Release()
	for {
		r.cfg.Loop.Rest()
		select {
		case <-r.cfg.Inbox.Turn():
			r.cfg.Loop.Work()
			w.Begin()
			r.turns(w)
		case <-done:
			return
		}
	}
}

// turns handles messages and writes, until nothing is left to write. Messages that
// arrive meanwhile add their frames to the queues that are still to be written.
func (r *Reader) turns(w *socket.Writer) {
	r.HandleSome()
	for written := 1; ; written++ {
		if !w.WriteNext() {
			r.cfg.Inbox.WakeUnlessEmpty() // the next turn begins with what is left
			return
		}
		r.cfg.Loop.Turn()
		select {
		case <-r.cfg.Inbox.Turn():
			r.HandleSome()
		default:
			if written%maxWrites == 0 { // there may always be another connection to write
				r.HandleSome()
			}
		}
	}
}

// HandleSome handles messages until the inbox is empty, or the turn is over.
func (r *Reader) HandleSome() {
	for range perTurn {
		r.cfg.Links.ReleaseWanted()
		m, ok := r.cfg.Inbox.Next()
		if !ok {
			return
		}
		r.Handle(m)
	}
}

// Handle handles m and recovers from a panic: what a client sent to another
// gateway must not end this gateway.
func (r *Reader) Handle(m natsbus.Message) {
	r.cfg.Loop.Turn()
	defer r.cfg.Links.Recover(m)
	r.dispatch(m)
}

// dispatch handles messages below p2p.gw.<own>, and those that back ends send to peers
// without naming a gateway. It runs on one goroutine, so it only queues. It keeps the
// order of each publisher's messages.
func (r *Reader) dispatch(m natsbus.Message) {
	in, ok := bus.ParseInbound(m.Subject)
	if !ok {
		if to, ok := bus.ParseAnyPeer(m.Subject); ok {
			r.cfg.Links.BackEnd(to, m)
			return
		}
		r.cfg.Faults.BadSubjects.Inc()
		return
	}
	switch in.Kind {
	case bus.KindState:
		r.stateChanged(in.First, m.Data)
	case bus.KindReply:
		r.cfg.Requests.Answered(in.First, m)
	case bus.KindSession:
		r.cfg.Sessions.Message(proto.PeerID(in.First), m)
	default:
		r.cfg.Links.Message(&in, m)
	}
}

// stateChanged applies a committed change to the room that it is about.
func (r *Reader) stateChanged(token string, data []byte) {
	c := new(bus.Change)
	if err := json.Unmarshal(data, c); err != nil {
		r.cfg.Logger.Error("rooms: unreadable change", "room", token, "err", err)
		return
	}
	r.cfg.Rooms.Changed(token, c)
}
