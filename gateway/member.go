package gateway

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/dialect/registry"
	"p2pconnector/gateway/internal/directory"
	"p2pconnector/gateway/internal/egress"
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
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// newRooms makes the table of rooms, whose members are sessions.
func newRooms(g *Gateway) *room.Rooms {
	return room.New(room.Config{
		Own: g.cfg.ID, Grace: g.grace, Logger: g.log, Metrics: &g.metrics.Rooms,
		Member: func(id proto.PeerID) room.Member {
			if s := g.sessions.Get(id); s != nil {
				return s
			}
			if id == g.topicMember.ID() {
				return g.topicMember
			}
			return nil
		},
		Relays: g.links, Requests: g.requests, Turns: g.roomTurns, Frame: g.frames.Room,
		Go: g.bg.Go, Ended: g.bg.Ended(),
		Advanced: g.links.ReleaseSoon, Contest: g.sessions.Contest, NotifyJoined: g.sessions.NotifyJoined,
	})
}

var (
	_ room.Relays    = (*relay.Links)(nil)
	_ room.Requester = (*natsbus.Requests)(nil)
)

// newTopics makes the table of topics, whose rooms g is a member of.
func newTopics(g *Gateway) *topic.Table {
	return topic.New(topic.Config{
		Rooms: g.topicMember, Topics: g.cfg.MaxTopics, PerAddress: g.cfg.MaxTopicsPerAddr, Subscribers: g.cfg.MaxTopicSubscribers, PerClient: g.cfg.MaxTopicsPerClient,
		PerSecond: g.cfg.TopicsPerSecond, BytesPerSecond: g.cfg.RoomEgressPerSecond,
		Clock: &g.coarse, Go: func(f func()) { g.bg.Go(f, func() {}) }, Ended: g.bg.Ended(), Logger: g.log,
	})
}

// sawReply handles what a reply of the room service reports about its bucket. The reader
// of the inbox calls it, so other goroutines do the work that follows.
func (g *Gateway) sawReply(reply *bus.Reply) {
	if !g.rooms.Saw(reply.First) {
		return
	}
	g.keys.RefreshSoon() // the keys may have been lost with the rooms
}

// wire makes the parts of the gateway that refer to each other: the relays over b, the
// sessions, the rooms and the clients' connections.
func (g *Gateway) wire(b relay.Bus) {
	g.topicMember = topicroom.New(topicroom.Config{
		Own: g.cfg.ID, Turns: g.roomTurns, Alive: g.liveness.Alive, Connected: g.bus.Connected, Ended: g.bg.Ended(),
	})
	dir := directory.New(directory.Config{
		Own: g.cfg.ID, Liveness: g.liveness, Clock: &g.coarse, Ended: g.bg.Ended(), Logger: g.log,
		Ask: func(op bus.SessionOperation, req *bus.SessionRequest, patience time.Duration) (*bus.SessionReply, error) {
			return g.requests.AskDirectory(op, req, patience)
		},
		Conflict: func() { g.metrics.Sessions.Moves.Inc(metrics.MoveConflict) },
	})
	g.links = relay.New(relay.Config{
		Own: g.cfg.ID, Logger: g.log, Metrics: g.metrics, Frames: g.frames, Bus: b, Liveness: g.liveness, Directory: dir,
		Window: link.Window(g.cfg.LinkWindowBytes), ServeDialect: func(to proto.PeerID, frame []byte) bool { return g.dialects.Serve(to, frame) }, Missed: g.topicMember.Missed, Wake: g.bus.Inbox.Wake, Go: g.bg.Go,
	})
	g.topics = newTopics(g)
	g.sessions = session.NewTable(g.sessionConfig(dir))
	g.connectRooms()
	g.conns = client.NewTable(g.clientConfig())
	g.dialects = registry.New(registry.Config{
		Own: g.cfg.ID, Settings: &g.cfg, Counts: &g.metrics.Dialects, Clock: &g.coarse, Liveness: g.liveness, Requests: g.requests, Links: g.links,
		Topics: g.topics, Draining: g.draining.Load, Ended: g.bg.Ended(),
	})
}

// connectRooms makes the rooms, and connects them to what refers to them.
func (g *Gateway) connectRooms() {
	g.rooms = newRooms(g)
	g.sessions.Connect(g.rooms, g.links)
	g.links.Connect(g.sessions, g.rooms)
	g.topicMember.Connect(g.rooms, g.topics)
	g.inbound = inbound.New(inbound.Config{
		Inbox: g.bus.Inbox, Sockets: g.sockets, Links: g.links, Sessions: g.sessions, Rooms: g.rooms, Requests: g.requests,
		Loop: g.loops.inbox, Faults: &g.metrics.Faults, Logger: g.log,
	})
}

// sessionConfig returns the configuration of the table of sessions.
func (g *Gateway) sessionConfig(dir *directory.Client) session.Config {
	return session.Config{
		Own: g.cfg.ID, AcceptFrom: g.cfg.AcceptFrom, Logger: g.log, Metrics: g.metrics, Frames: g.frames, Keys: g.keys, ICE: g.ice,
		Bus: g.bus, Liveness: g.liveness, Directory: dir, Quota: quota.New(g.cfg.Quota()), Buffers: g.buffers, Replay: replay.Limits{Frames: g.cfg.ReplayFrames, Bytes: g.cfg.ReplayBytes},
		Grace: g.grace, Limits: g.limits, Draining: g.draining.Load, Turn: g.loops.bus.Turn,
		Go: g.bg.Go, Ended: g.bg.Ended(),
	}
}

// clientConfig returns the configuration of the clients' connections.
func (g *Gateway) clientConfig() client.Config {
	limits := g.cfg.Egress()
	limits.Clock, limits.Refused = &g.coarse, g.metrics.Frames.Limited.Inc
	return client.Config{
		Own: g.cfg.ID, Logger: g.log, Metrics: g.metrics, Clock: &g.coarse, Frames: g.frames, Keys: g.keys,
		Verifier: func() *auth.Verifier { return g.verifier }, // set before the first client connects
		Sessions: g.sessions, Rooms: g.rooms, Requests: g.requests, Turns: g.roomTurns, Relays: g.links, Budgets: egress.New(limits), Buffers: g.buffers,
		FrameLimit: g.cfg.FrameLimit(), MaxMessageBytes: g.cfg.MaxMessageBytes, MaxRooms: g.cfg.MaxRooms, RoomQueueFrames: g.cfg.RoomQueueFrames, Quota: g.cfg.Quota(),
		Shared: g.shared.Applied, Draining: g.draining.Load, Go: g.bg.Go, Ended: g.bg.Ended(),
	}
}
