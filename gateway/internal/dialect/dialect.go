package dialect

import (
	"net/http"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
)

// Dialect is a client protocol. Its methods may be called concurrently.
type Dialect interface {
	// Name is its name in frames and in metrics: lower-case letters.
	Name() string
	// Accepts reports whether WebSocket handshakes on a path belong to the dialect.
	Accepts(path string) bool
	// ServeHTTP answers a request that is no handshake. It returns false, and has answered
	// nothing, when the request does not belong to the dialect. allowed says whether the
	// page that sent the request may connect.
	ServeHTTP(w http.ResponseWriter, r *http.Request, allowed bool) bool
	// Token returns the access token of a handshake, or "".
	Token(r *http.Request) string
	// Refusal returns the text for a client whose handshake is refused; nil tells it nothing:
	// then the client is held for a moment and closed, because it would connect again at once.
	Refusal(why Reason, message string) []byte
	// NewTranslator makes the translator of a connection whose handshake was accepted. user
	// is the name in its access token; "" for none.
	NewTranslator(r *http.Request, user string, port Port) Translator
}

// Missed is the reason of the close frame for a client of topics that may have missed
// publications, or whose subscriptions took too long.
const Missed = "messages may have been missed: connect and subscribe again"

// Reason is why a handshake is refused.
type Reason int

// Reasons of refusals.
const (
	NotNow    Reason = iota // the gateway accepts no clients now, or too many connect
	Full                    // too many connections, of all or of its address
	Forbidden               // its page or its access token may not connect
)

// Translator translates for one connection. Its methods are called by the connection's
// reader, one after the other, except for Encode and Verify, and for End when the session
// ends after its connection: another goroutine calls End then, after the reader has ended.
type Translator interface {
	// Greet prepares the connection, before its first text is read. It may wait. When it
	// returns false, it has closed the connection.
	Greet() bool
	// Decode handles a text from the client. It keeps no reference to text.
	Decode(text []byte)
	// Refuse answers a text that is above the rate limit.
	Refuse(text []byte)
	// Encode returns the text that the client gets for a frame of the gateway, or nil for
	// none. ok is false when the client takes no frames of others now: frame goes back to its
	// sender, as if there were no such client. The text may be a part of frame. It runs with
	// the session locked: it must not block or call Relay.
	Encode(frame []byte) (text []byte, ok bool)
	// Verify checks that what the client has in directories is still its, after others may have
	// considered this gateway dead, and closes the connection otherwise. It may wait. It returns
	// false when a directory does not answer. It may be called at any time, even after End.
	Verify() bool
	// Restore returns the frame that became text, which was queued and never written, or
	// nil when nobody waits for its outcome. It is called between the last text and End.
	Restore(text []byte) []byte
	// End releases what the session held. It is called once, after everything else.
	End()
}

// Returner is a Translator whose client may come back after its connection broke. The
// session waits for that, as sessions of the gateway's own protocol do, at most for the
// grace; frames that Encode accepts wait in its replay buffer. When the session ends, they
// go back to their senders, which look their receiver up again.
type Returner interface {
	Translator
	// Away is called when the connection has broken. It reports whether the client may come
	// back. What Encode returns is not sent any more; nil still means that nothing waits.
	Away() bool
}

// Port is what a translator may do with its connection. Its methods may be called
// concurrently.
type Port interface {
	// Peer is the id of the connection's peer.
	Peer() proto.PeerID
	// Relay sends a Frame to a peer. A code means that nothing was sent. Otherwise the frame
	// arrives or comes back.
	Relay(to proto.PeerID, frame []byte) proto.ErrorCode
	// Pay charges the client for bytes that others get for it, as Relay does. A code means that
	// it may not send them now.
	Pay(bytes int) proto.ErrorCode
	// Send queues a text for the client.
	Send(text []byte)
	// MayJoin reports whether the client's access token lets it into a topic, as into a room
	// of that name.
	MayJoin(topic string) bool
	// Budget pays for what the client makes the gateway send.
	Budget() *egress.Client
	// TurnKey returns as whose requests those for the client take turns at the room service.
	TurnKey() fairqueue.Key
	// Alive pings the client and reports whether it answers, or sends anything, within d. It
	// waits.
	Alive(d time.Duration) bool
	// Close closes the connection, with a close frame that has no code when code is 0, or ends
	// the session that waits for the client. It must not be called with the session locked.
	Close(code proto.CloseCode, reason string)
	// Go runs f on a goroutine that the gateway's end waits for; not at all when it is ending.
	// f must end soon after the channel Ending is closed.
	Go(f func())
	// Ending is closed when the gateway ends.
	Ending() <-chan struct{}
}
