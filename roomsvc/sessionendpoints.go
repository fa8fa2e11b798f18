package roomsvc

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto/bus"
)

var sessionEndpoints = map[bus.SessionOperation]endpoint{
	bus.SessionTake: {"Makes owner the owner of a session, in epoch.", "peer, owner, epoch; revision", "owner, epoch, revision, refused, ended"},
	bus.SessionGet:  {"Returns who owns a session.", "peer", "owner, epoch, revision, ended"},
	bus.SessionEnd:  {"Ends a session; for its owner.", "peer, owner, epoch; revision", "epoch, revision, refused, ended"},
	bus.SessionSync: {"Returns those of sessions that owner does not own.", "owner, sessions", "sessions"},
}

// addSessionEndpoints subscribes to requests to the session directory.
func (s *Service) addSessionEndpoints(svc micro.Service) error {
	group := svc.AddGroup(bus.SessionsPrefix)
	for _, op := range bus.SessionOperations {
		e := sessionEndpoints[op]
		err := group.AddEndpoint(op.Endpoint(), s.sessionHandler(op),
			micro.WithEndpointSubject(string(op)),
			micro.WithEndpointMetadata(map[string]string{"description": e.does, "request": e.needs, "reply": e.answers}),
			micro.WithEndpointPendingLimits(pendingMessages, pendingBytes))
		if err != nil {
			return err
		}
	}
	return nil
}

// sessionHandler queues requests to the directory. It never waits: the handlers
// of an endpoint run one at a time.
func (s *Service) sessionHandler(kind bus.SessionOperation) micro.HandlerFunc {
	return func(m micro.Request) {
		req, subject, began := new(bus.SessionRequest), m.Reply(), time.Now()
		reply := func(r *bus.SessionReply) {
			if r != nil {
				s.replySession(kind, subject, began, r)
			}
		}
		if err := json.Unmarshal(m.Data(), req); err != nil {
			reply(&bus.SessionReply{Error: malformed(err)})
			return
		}
		err := checkSession(kind, req)
		if err == nil {
			if kind == bus.SessionTake {
				s.leases.notice(req.Owner)
			}
			err = s.directory.Load().submit(&sessionOp{
				kind: kind, req: req, deadline: began.Add(sessionTime), conn: s.epoch(), answer: reply,
			})
		}
		if err != nil {
			reply(&bus.SessionReply{Error: err})
		}
	}
}

// replySession publishes r, with the headers that NATS's service tools look for
// in an error, to a request that came at the time began.
func (s *Service) replySession(op bus.SessionOperation, subject string, began time.Time, r *bus.SessionReply) {
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
