package gateway

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/dialect/registry"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/drain"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/handshake"
	"p2pconnector/gateway/internal/heartbeat"
	"p2pconnector/gateway/internal/inbound"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/replay"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/gateway/internal/topicroom"
	"p2pconnector/gateway/web"
	"p2pconnector/proto"
	"p2pconnector/proto/agreement"
	"p2pconnector/proto/bus"
)

// wiring makes the parts of a gateway that refer to each other. Its fields are what these
// parts share and the gateway itself does not need.
type wiring struct {
	g         *Gateway
	frames    *frames.Encoder
	turns     *fairqueue.Queue // of the requests of clients to the room service
	liveness  *natsbus.Liveness
	settings  *agreement.Table // that all instances should have in common
	directory *directory.Client
	member    *topicroom.Member // this gateway as a member of the rooms of topics
	topics    *topic.Table
}

// wire makes the parts of g. Relays go over b; request publishes requests to other services.
func (g *Gateway) wire(b relay.Bus, request func(subject, reply string, data []byte) error) *wiring {
	w := &wiring{
		g: g, frames: &frames.Encoder{Wall: time.Now}, turns: fairqueue.New(g.cfg.MaxRoomRequests), liveness: natsbus.NewLiveness(g.cfg.ID),
		settings: agreement.New(agreement.Gateway(g.cfg.ID), g.cfg.Shared(), g.cfg.Logger),
	}
	g.requests = natsbus.NewRequests(natsbus.RequestsConfig{
		Own: g.cfg.ID, Publish: request, Ended: g.bg.Ended(), Replied: g.sawReply,
	})
	w.member = topicroom.New(topicroom.Config{
		Own: g.cfg.ID, Turns: w.turns, Alive: w.liveness.Alive, Connected: g.bus.Connected, Ended: g.bg.Ended(),
	})
	w.directory = directory.New(directory.Config{
		Own: g.cfg.ID, Liveness: w.liveness, Clock: &g.coarse, Ended: g.bg.Ended(), Logger: g.cfg.Logger,
		Ask:      g.requests.AskDirectory,
		Conflict: func() { g.metrics.Sessions.Moves.Inc(metrics.MoveConflict) },
	})
	g.links = relay.New(w.relays(b))
	w.topics = topic.New(w.topicConfig())
	g.sessions = session.NewTable(w.sessionConfig())
	g.rooms = room.New(w.roomConfig())
	g.sessions.Connect(g.rooms, g.links)
	g.links.Connect(g.sessions, g.rooms)
	w.member.Connect(g.rooms, w.topics)
	g.inbound = inbound.New(inbound.Config{
		Inbox: g.bus.Inbox, Sockets: g.sockets, Links: g.links, Sessions: g.sessions, Rooms: g.rooms, Requests: g.requests,
		Loop: g.loops.inbox, Faults: &g.metrics.Faults, Logger: g.cfg.Logger,
	})
	g.conns = client.NewTable(w.clientConfig())
	g.dialects = registry.New(registry.Config{
		Own: g.cfg.ID, Settings: &g.cfg, Counts: &g.metrics.Dialects, Clock: &g.coarse, Liveness: w.liveness, Requests: g.requests, Links: g.links,
		Topics: w.topics, Draining: w.draining, Ended: g.bg.Ended(),
	})
	g.heartbeat = heartbeat.New(heartbeat.Config{
		Own: g.cfg.ID, Bus: g.bus, Liveness: w.liveness, Settings: w.settings, Sessions: g.sessions, Conns: g.conns, Rooms: g.rooms,
		Links: g.links, Topics: w.topics, Dialects: g.dialects, Draining: w.draining, Loop: g.loops.leases,
	})
	g.drain = drain.New(drain.Config{
		Conns: g.conns, Sessions: g.sessions, Links: g.links, Requests: g.requests, Liveness: w.liveness, Frames: w.frames,
		Window: g.cfg.DrainWindow, Logger: g.cfg.Logger,
		Announce: func() {
			g.heartbeat.Publish(false)
			g.bus.LeaveBackEnds()
		},
	})
	g.handshakes = handshake.New(w.handshakeConfig())
	return w
}

// draining reports whether the gateway drains. The parts are given it before there is a drain.
func (w *wiring) draining() bool { return w.g.drain.Begun() }

// grace returns how long a peer may be away. It is the shortest that any gateway or room
// service has.
func (w *wiring) grace() time.Duration { return w.settings.Applied().SessionGrace() }

// limits returns the limits that clients get.
func (w *wiring) limits() proto.Limits { return w.g.cfg.Limits(w.settings.Applied()) }

// sawReply handles what a reply of the room service reports about its bucket. The reader
// of the inbox calls it, so other goroutines do the work that follows.
func (g *Gateway) sawReply(reply *bus.Reply) {
	if !g.rooms.Saw(reply.First) {
		return
	}
	g.keys.RefreshSoon() // the keys may have been lost with the rooms
}

// relays returns the configuration of the relays over b.
func (w *wiring) relays(b relay.Bus) relay.Config {
	g := w.g
	return relay.Config{
		Own: g.cfg.ID, Logger: g.cfg.Logger, Metrics: g.metrics, Frames: w.frames, Bus: b, Liveness: w.liveness, Directory: w.directory,
		Window: link.Window(g.cfg.LinkWindowBytes), ServeDialect: func(to proto.PeerID, frame []byte) bool { return g.dialects.Serve(to, frame) },
		Missed: w.member.Missed, Wake: g.bus.Inbox.Wake, Go: g.bg.Go,
	}
}

// topicConfig returns the configuration of the topics, whose rooms the gateway is a member of.
func (w *wiring) topicConfig() topic.Config {
	g := w.g
	return topic.Config{
		Rooms: w.member, Topics: g.cfg.MaxTopics, PerAddress: g.cfg.MaxTopicsPerAddr, Subscribers: g.cfg.MaxTopicSubscribers, PerClient: g.cfg.MaxTopicsPerClient,
		PerSecond: g.cfg.TopicsPerSecond, BytesPerSecond: g.cfg.RoomEgressPerSecond,
		Clock: &g.coarse, Go: func(f func()) { g.bg.Go(f, func() {}) }, Ended: g.bg.Ended(), Logger: g.cfg.Logger,
	}
}

// sessionConfig returns the configuration of the table of sessions.
func (w *wiring) sessionConfig() session.Config {
	g := w.g
	return session.Config{
		Own: g.cfg.ID, AcceptFrom: g.cfg.AcceptFrom, Logger: g.cfg.Logger, Metrics: g.metrics, Frames: w.frames, Keys: g.keys, ICE: g.ice,
		Bus: g.bus, Liveness: w.liveness, Directory: w.directory, Quota: quota.New(g.cfg.Quota()), Buffers: g.buffers, Replay: replay.Limits{Frames: g.cfg.ReplayFrames, Bytes: g.cfg.ReplayBytes},
		Grace: w.grace, Limits: w.limits, Draining: w.draining, Turn: g.loops.bus.Turn,
		Go: g.bg.Go, Ended: g.bg.Ended(),
	}
}

var (
	_ room.Relays    = (*relay.Links)(nil)
	_ room.Requester = (*natsbus.Requests)(nil)
)

// roomConfig returns the configuration of the rooms, whose members are sessions and, in the
// rooms of topics, this gateway.
func (w *wiring) roomConfig() room.Config {
	g := w.g
	return room.Config{
		Own: g.cfg.ID, Grace: w.grace, Logger: g.cfg.Logger, Metrics: &g.metrics.Rooms,
		Member: func(id proto.PeerID) room.Member {
			if s := g.sessions.Get(id); s != nil {
				return s
			}
			if id == w.member.ID() {
				return w.member
			}
			return nil
		},
		Relays: g.links, Requests: g.requests, Turns: w.turns, Frame: w.frames.Room,
		Go: g.bg.Go, Ended: g.bg.Ended(),
		Advanced: g.links.ReleaseSoon, Contest: g.sessions.Contest, NotifyJoined: g.sessions.NotifyJoined,
	}
}

// clientConfig returns the configuration of the clients' connections.
func (w *wiring) clientConfig() client.Config {
	g := w.g
	limits := g.cfg.Egress()
	limits.Clock, limits.Refused = &g.coarse, g.metrics.Frames.Limited.Inc
	return client.Config{
		Own: g.cfg.ID, Logger: g.cfg.Logger, Metrics: g.metrics, Clock: &g.coarse, Frames: w.frames, Keys: g.keys,
		Verifier: func() *auth.Verifier { return g.verifier }, // set before the first client connects
		Sessions: g.sessions, Rooms: g.rooms, Requests: g.requests, Turns: w.turns, Relays: g.links, Budgets: egress.New(limits), Buffers: g.buffers,
		FrameLimit: g.cfg.FrameLimit(), MaxMessageBytes: g.cfg.MaxMessageBytes, MaxRooms: g.cfg.MaxRooms, RoomQueueFrames: g.cfg.RoomQueueFrames, RoomPasswords: g.cfg.RoomPasswords, Quota: g.cfg.Quota(),
		Shared: w.settings.Applied, Draining: w.draining, Go: g.bg.Go, Ended: g.bg.Ended(),
	}
}

// handshakeConfig returns the configuration of the handshake handler.
func (w *wiring) handshakeConfig() handshake.Config {
	g := w.g
	cfg := handshake.Config{
		Admission: g.admission, Sockets: g.sockets, Closed: g.closed, Open: g.conns.Open,
		Pages:      web.Handler(web.Options{Status: g.status, Off: g.cfg.PageOff, Open: g.cfg.Open(), Limits: w.limits, Grace: w.grace, Version: g.cfg.Version, Commit: g.cfg.Commit}),
		ErrorFrame: func(e *proto.Error) []byte { return w.frames.Error(e, proto.ErrorData{}, nil) },
		MaxRefused: g.cfg.MaxRefusedPages, Handshakes: &g.metrics.Handshakes, Connections: &g.metrics.Connections, Logger: g.cfg.Logger,
		Dialects: g.dialects.All(),
	}
	if g.cfg.TokenKey != "" || g.cfg.TokenJWKS != "" {
		cfg.Verify = func(token string) (*auth.Access, error) { return g.verifier.Verify(token) } // set before the first client connects
	}
	return cfg
}
