package natsbus

import "github.com/nats-io/nats.go"

// inboxMessages bounds what has come from NATS and is not handled yet. When it is full,
// the NATS client drops what comes; the links notice, and it is sent again.
const inboxMessages = 1 << 14

// Inbox holds what has come from NATS and is not handled yet. One goroutine takes from it;
// everything else may be called concurrently.
type Inbox struct {
	messages chan *nats.Msg
	turn     chan struct{}
}

func newInbox() *Inbox {
	return &Inbox{messages: make(chan *nats.Msg, inboxMessages), turn: make(chan struct{}, 1)}
}

// Turn returns the channel that says when to call Next until nothing is left. What one read
// from NATS has brought makes one turn: it is handled in one piece, so that it leaves in few.
func (b *Inbox) Turn() <-chan struct{} { return b.turn }

// Next takes the next message out; ok is false when there is none. It does not wait.
func (b *Inbox) Next() (m Message, ok bool) {
	select {
	case x := <-b.messages:
		return messageOf(x), true
	default:
		return m, false
	}
}

// Wake makes a turn, whether there is a message or not.
func (b *Inbox) Wake() {
	select {
	case b.turn <- struct{}{}:
	default:
	}
}

// WakeUnlessEmpty makes a turn if there is a message.
func (b *Inbox) WakeUnlessEmpty() {
	if len(b.messages) > 0 {
		b.Wake()
	}
}

// Put puts a message in, behind all others, unless ended is closed while there is no room
// for it.
func (b *Inbox) Put(m Message, ended <-chan struct{}) {
	x := &nats.Msg{Subject: m.Subject, Reply: m.Reply, Header: nats.Header(m.Header), Data: m.Data}
	select {
	case b.messages <- x:
		b.Wake()
	case <-ended:
	}
}

// Len returns how many messages there are.
func (b *Inbox) Len() int { return len(b.messages) }
