package natsbus

import "github.com/nats-io/nats.go"

// inboxMessages bounds the messages from NATS that are not handled yet. When the inbox is
// full, the NATS client drops further messages; the links detect that and resend.
const inboxMessages = 1 << 14

// Inbox holds the messages from NATS that are not handled yet. One goroutine calls Turn and
// Next; the other methods may be called concurrently.
type Inbox struct {
	messages chan *nats.Msg
	turn     chan struct{}
}

func newInbox() *Inbox {
	return &Inbox{messages: make(chan *nats.Msg, inboxMessages), turn: make(chan struct{}, 1)}
}

// Turn returns the channel that receives a value for each turn: then call Next until no
// message is left. All messages of one read from NATS make one turn. They are handled
// together, so that the frames that result are written together.
func (b *Inbox) Turn() <-chan struct{} { return b.turn }

// Next removes and returns the next message; ok is false when there is none. It does not
// wait.
func (b *Inbox) Next() (m Message, ok bool) {
	select {
	case x := <-b.messages:
		return messageOf(x), true
	default:
		return m, false
	}
}

// Wake starts a turn, whether there is a message or not.
func (b *Inbox) Wake() {
	select {
	case b.turn <- struct{}{}:
	default:
	}
}

// WakeUnlessEmpty starts a turn if there is a message.
func (b *Inbox) WakeUnlessEmpty() {
	if len(b.messages) > 0 {
		b.Wake()
	}
}

// Len returns the number of messages.
func (b *Inbox) Len() int { return len(b.messages) }
