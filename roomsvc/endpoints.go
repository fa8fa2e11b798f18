package roomsvc

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/commit"
	"p2pconnector/roomsvc/internal/room"
)

const (
	serviceName = "rooms"
	version     = "1.0.0" // of the requests' format

	// Bounds of what may wait at one endpoint before its handler runs.
	pendingMessages = 65_536
	pendingBytes    = 64 << 20
)

// endpoint describes one operation for NATS's service tools.
type endpoint struct {
	does    string
	needs   string // members of the request
	answers string // members of the reply
}

var endpoints = map[bus.Operation]endpoint{
	bus.OpCreate: {"Makes a room with peer as creator and first member.", "op, room, peer; gateway, user, name, capacity, locked, password, metadata, have, retry", "revision, state"},
	bus.OpJoin:   {"Adds peer to a room, or with ask to those that wait to be admitted to a locked one.", "op, room, peer; gateway, user, create, ask, password, metadata, have, retry", "revision, state"},
	bus.OpLeave:  {"Takes peer out of a room; with reason disconnected only if gateway holds it, with ask only if it waits.", "op, room, peer; gateway, reason, ask, have, retry", "revision, state"},
	bus.OpEnd:    {"Ends a room; for its creator, or a back end (no peer).", "op, room; peer, retry", "revision, state"},
	bus.OpRemove: {"Takes client out of a room, for the room's life with ban; for its creator and moderators, or a back end (no peer).", "op, room, client; peer, ban, have, retry", "revision, state"},
	bus.OpUnban:  {"Lifts the ban of client; for the room's creator and moderators, or a back end (no peer).", "op, room, client; peer, have, retry", "revision, state"},
	bus.OpRole:   {"Makes client creator, moderator or member; for the room's creator, or a back end (no peer).", "op, room, client, role; peer, have, retry", "revision, state"},
	bus.OpAdmit:  {"Makes client, which waits to be admitted, a member; for the room's creator and moderators, or a back end (no peer).", "op, room, client; peer, have, retry", "revision, state"},
	bus.OpUpdate: {"Changes a room's settings; for its creator and moderators, or a back end (no peer).", "op, room; peer, name, capacity, locked, password, metadata, have, retry", "revision, state"},
	bus.OpMember: {"Changes the metadata of a member: of peer, or for a back end (no peer) of client.", "op, room, metadata; peer, client, have, retry", "revision, state"},
	bus.OpResume: {"Records that gateway serves peer from now on.", "op, room, peer, gateway; have, retry", "revision, state"},
	bus.OpGet:    {"Returns a room, without its state when that is at revision have; for its members, or a back end (no peer).", "room; peer, have", "revision, state"},
	bus.OpSync:   {"Returns those of rooms whose revision is another; without rooms, whether rooms can be changed.", "rooms", "differ, first"},
	bus.OpKeys:   {"Returns the keys that sign session tokens, and restores those that are lost.", "keys", "keys"},
	bus.OpList:   {"Lists rooms in the order of their keys, a page at a time.", "after, limit", "page, next"},
}

// addEndpoints subscribes to requests.
func (s *Service) addEndpoints() (micro.Service, error) {
	svc, err := micro.AddService(s.nc, micro.Config{
		Name: serviceName, Version: version,
		Description:  "Rooms of the peer-to-peer connector. Requests and replies are JSON.",
		QueueGroup:   serviceName,
		StatsHandler: func(e *micro.Endpoint) any { return s.metrics.Answers(e.Name) },
	})
	if err != nil {
		return nil, err
	}
	group := svc.AddGroup(bus.RoomsPrefix)
	for _, op := range bus.Operations {
		handler := s.roomHandler(op)
		if do, ok := s.jobKinds()[op]; ok {
			handler = s.jobHandler(op, do)
		}
		if err := group.AddEndpoint(string(op), handler, endpoints[op].options()...); err != nil {
			return svc, err
		}
	}
	return svc, s.addDirectories(svc)
}

func (e endpoint) options() []micro.EndpointOpt {
	return []micro.EndpointOpt{
		micro.WithEndpointMetadata(map[string]string{"description": e.does, "request": e.needs, "reply": e.answers}),
		micro.WithEndpointPendingLimits(pendingMessages, pendingBytes),
	}
}

// subscriptions returns how many subscriptions svc has: one for each endpoint,
// and three for each of PING, INFO and STATS.
func subscriptions(svc micro.Service) int { return len(svc.Info().Endpoints) + 9 }

// roomHandler queues requests about one room. It never waits: the handlers of an
// endpoint run one at a time.
func (s *Service) roomHandler(kind bus.Operation) micro.HandlerFunc {
	return func(m micro.Request) {
		req, subject, began := new(bus.Request), m.Reply(), time.Now()
		if err := json.Unmarshal(m.Data(), req); err != nil {
			s.reply(kind, subject, began, &bus.Reply{Error: malformed(err)})
			return
		}
		err := room.Check(kind, req, s.limits())
		if err == nil {
			if req.Op == "" {
				req.Op = bus.OpID("rooms-" + rand.Text()) // for tries of our own
			}
			switch kind {
			case bus.OpCreate, bus.OpJoin, bus.OpResume:
				s.leases.Notice(req.Gateway)
			}
			err = s.committer.Load().Submit(&commit.Operation{
				Operation: room.Operation{Kind: kind, Request: req},
				Arrived:   began,
				Answer: func(r *bus.Reply) {
					if r != nil {
						s.reply(kind, subject, began, r)
					}
				},
			})
		}
		if err != nil {
			s.reply(kind, subject, began, &bus.Reply{Error: err, Retry: req.Retry})
		}
	}
}

func malformed(err error) *proto.Error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		return proto.Invalid(t.Field, "The request's member "+proto.Quote(t.Field)+" has the wrong type.")
	}
	return proto.Invalid("", "The request is not a JSON object.")
}

// reply publishes r to a request that came at the time began. It reports no error when the
// requester has gone.
func (s *Service) reply(op bus.Operation, subject string, began time.Time, r *bus.Reply) {
	s.metrics.Answered(string(op), began, outcomeOf(r.Error, ""))
	r.First = s.roomStore.First()
	err := s.publish(subject, r, r.Error)
	if errors.Is(err, nats.ErrMaxPayload) {
		s.cfg.Logger.Error("reply is larger than the NATS server takes; raise its max_payload", "operation", string(op), "err", err)
		err = s.publish(subject, &bus.Reply{Error: proto.CouldNotDo(), Retry: r.Retry}, proto.CouldNotDo())
	}
	if err != nil {
		s.cfg.Logger.Debug("reply not sent; the requester will repeat its request", "operation", string(op), "err", err)
	}
}

// outcomeOf returns the outcome of a request for the metrics: "" for success.
func outcomeOf(e *proto.Error, refusal string) string {
	if e != nil {
		return string(e.Code)
	}
	return refusal
}

// publish publishes a reply, with the headers that NATS's service tools look for when it has
// an error. A request that wants no reply has no subject.
func (s *Service) publish(subject string, reply any, e *proto.Error) (err error) {
	if subject == "" {
		return nil
	}
	msg := nats.NewMsg(subject)
	if e != nil {
		msg.Header.Set(micro.ErrorHeader, e.Message)
		msg.Header.Set(micro.ErrorCodeHeader, string(e.Code))
	}
	if msg.Data, err = json.Marshal(reply); err != nil {
		return err
	}
	return s.nc.PublishMsg(msg)
}

// announce publishes a change to gateways. It replaces a change that is too
// large for the NATS server by one without content, which makes the gateways
// fetch the room.
func (s *Service) announce(change *bus.Change, to []proto.GatewayID) {
	data, err := json.Marshal(change)
	if err == nil && int64(len(data)) > s.nc.MaxPayload() {
		data, err = json.Marshal(&bus.Change{Room: change.Room, Before: change.After, After: change.After, Creator: change.Creator})
	}
	if err != nil {
		s.cfg.Logger.Error("change cannot be encoded", "room", string(change.Room), "err", err)
		return
	}
	for _, g := range to {
		subject, err := bus.StateSubject(g, change.Room)
		if err == nil {
			err = s.nc.Publish(subject, data)
		}
		if err != nil {
			// The gateway notices by the next change, or when it compares revisions.
			s.cfg.Logger.Debug("change not announced", "room", string(change.Room), "gateway", string(g), "revision", strconv.FormatUint(change.After, 10), "err", err)
		}
	}
}
