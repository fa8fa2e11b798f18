package client

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"p2pconnector/proto"
)

// Options configure a client. Only URLs is required.
type Options struct {
	URLs       []string    // gateways, ws:// or wss://; tried in turn
	Header     http.Header // sent with every handshake
	HTTPClient *http.Client
	// Dial opens the TCP connections when HTTPClient is nil; nil = net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Delta bool // request changes instead of full lists in rooms above 100 members
	// AcceptFrom is whose frames to accept; nil = those that the session accepts already,
	// or what the server's operator has set. Messages to rooms always arrive.
	AcceptFrom *proto.Senders
	// Room is in the address of every connection, where a proxy may use it to bring peers of
	// a room to one gateway; see proto.QueryRoom. It joins no room.
	Room      proto.RoomID
	NoResume  bool          // end with the first connection
	Buffer    int           // frames that wait in Frames; 0 = 1024. When full the client stops reading
	ReadLimit int64         // bytes of one frame; 0 = 16 MiB
	Backoff   time.Duration // bound of the first wait before a new try; doubles; 0 = 100 ms
	MaxWait   time.Duration // bound of any such wait; 0 = 5 s
	GiveUp    time.Duration // the client ends after being disconnected for so long; 0 = 5 min
	// Heartbeat is how often the client pings. It gives up a connection whose
	// server does not answer within that time. 0 = what the server announces.
	Heartbeat time.Duration
	Logger    *slog.Logger // nil = discard
}

// Bounds of one try, and the heartbeat towards a server that announces none.
const (
	handshakeTimeout = 10 * time.Second
	writeTimeout     = 10 * time.Second
	defaultHeartbeat = 30 * time.Second
)

func (o Options) withDefaults() (Options, error) {
	if len(o.URLs) == 0 {
		return o, errors.New("client: Options.URLs is empty: name at least one gateway, such as ws://localhost:8080")
	}
	setDefault(&o.Buffer, 1024)
	setDefault(&o.ReadLimit, 16<<20)
	setDefault(&o.Backoff, 100*time.Millisecond)
	setDefault(&o.MaxWait, 5*time.Second)
	setDefault(&o.GiveUp, 5*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		// No connection outlives its use, so there is nothing to clean up.
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: o.Dial, DisableKeepAlives: true}}
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
