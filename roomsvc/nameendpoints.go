package roomsvc

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto/bus"
)

var nameEndpoints = map[bus.NameOperation]endpoint{
	bus.NameClaim:   {"Gives a name to a peer.", "namespace, name, peer, owner, secret; revision, force", "peer, owner, free, revision, refused"},
	bus.NameGet:     {"Returns which peer has a name.", "namespace, name", "peer, owner, free, revision"},
	bus.NameRelease: {"Takes a name back; for its peer.", "namespace, name, peer", "peer, owner, free, revision, refused"},
}

// addNameEndpoints subscribes to requests to the directory of names.
func (s *Service) addNameEndpoints(svc micro.Service) error {
	group := svc.AddGroup(bus.NamesPrefix)
	for _, op := range bus.NameOperations {
		e := nameEndpoints[op]
		err := group.AddEndpoint(op.Endpoint(), s.nameHandler(op),
			micro.WithEndpointSubject(string(op)),
			micro.WithEndpointMetadata(map[string]string{"description": e.does, "request": e.needs, "reply": e.answers}),
			micro.WithEndpointPendingLimits(pendingMessages, pendingBytes))
		if err != nil {
			return err
		}
	}
	return nil
}

// nameHandler queues requests to the directory of names. It never waits: the handlers of an
// endpoint run one at a time.
func (s *Service) nameHandler(kind bus.NameOperation) micro.HandlerFunc {
	return func(m micro.Request) {
		req, subject, began := new(bus.NameRequest), m.Reply(), time.Now()
		reply := func(r *bus.NameReply) {
			if r != nil {
				s.replyName(kind, subject, began, r)
			}
		}
		if err := json.Unmarshal(m.Data(), req); err != nil {
			reply(&bus.NameReply{Error: malformed(err)})
			return
		}
		err := checkName(kind, req)
		if err == nil {
			if kind == bus.NameClaim {
				s.leases.notice(req.Owner)
			}
			err = s.names.Load().submit(&nameOp{
				kind: kind, req: req, deadline: began.Add(sessionTime), conn: s.epoch(), answer: reply,
			})
		}
		if err != nil {
			reply(&bus.NameReply{Error: err})
		}
	}
}

// replyName publishes r, with the headers that NATS's service tools look for in an error,
// to a request that came at the time began.
func (s *Service) replyName(op bus.NameOperation, subject string, began time.Time, r *bus.NameReply) {
	s.metrics.Answered(op.Endpoint(), began, outcomeOf(r.Error, string(r.Refused)))
	if subject == "" {
		return
	}
	msg := nats.NewMsg(subject)
	if r.Error != nil {
		msg.Header.Set(micro.ErrorHeader, r.Error.Message)
		msg.Header.Set(micro.ErrorCodeHeader, string(r.Error.Code))
	}
	if err := s.send(msg, r); err != nil {
		s.cfg.Logger.Debug("reply not sent; the requester will repeat its request", "operation", op.Endpoint(), "err", err)
	}
}
