package chaos

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// sessionLoad makes gateways take sessions from each other, end them, and look up their
// owners.
type sessionLoad struct{}

// knownSession is what a gateway last learned of a session.
type knownSession struct {
	bus.SessionReply
	taken uint64 // the last epoch in which it took the session
}

func (sessionLoad) model() porcupine.Model { return directoryModel }

func (sessionLoad) entry(r *registry) string {
	return "session-" + string(proto.NewPeerID(r.gateways[rand.N(takers)]))
}

func (sessionLoad) try(r *registry, entry string, n byte, known any) attempt {
	k, _ := known.(knownSession)
	req := bus.SessionRequest{Peer: proto.PeerID(strings.TrimPrefix(entry, "session-")), Owner: r.gateways[n-1]}
	kind := bus.SessionTake
	switch rand.N(20) {
	case 0:
		kind, req.Epoch = bus.SessionEnd, k.taken
	case 1, 2, 3, 4:
		kind = bus.SessionGet
	case 5, 6, 7:
		kind, req.Epoch = bus.SessionSync, k.taken
	default:
		req.Epoch, req.Revision = k.Epoch+1, k.Revision // also of sessions that have ended
		req.Attempt = rand.Uint64N(3)                   // so that some takes are repeated, and others only look so
	}
	a := attempt{input: inquiry{kind: kind, owner: n, epoch: req.Epoch, attempt: byte(req.Attempt), home: req.Peer.Home() == req.Owner}}
	if kind == bus.SessionTake || kind == bus.SessionEnd {
		a.unknown = finding{code: string(unknown)}
	}
	if kind == bus.SessionSync {
		req.Sessions = []bus.Owned{{Peer: req.Peer, Epoch: req.Epoch}}
		req.Peer, req.Epoch = "", 0
	}
	reply := new(bus.SessionReply)
	a.result = r.ask(bus.SessionsSubject(kind), &req, reply, func() *proto.Error { return reply.Error })
	if a.result == answered {
		a.what, a.output, a.ended = string(kind)+" "+string(reply.Refused), sessionFinding(r, kind, reply), reply.Ended
		if kind != bus.SessionSync {
			k.SessionReply = *reply
		}
		if kind == bus.SessionTake && reply.Refused == "" {
			k.taken = reply.Epoch
		}
	}
	a.known = k
	return a
}

func sessionFinding(r *registry, kind bus.SessionOperation, reply *bus.SessionReply) finding {
	out := finding{code: string(reply.Refused)}
	entry := reply.SessionEntry
	if kind == bus.SessionSync {
		if len(reply.Sessions) == 0 {
			out.own = true
			return out
		}
		entry = reply.Sessions[0].SessionEntry
	}
	out.shown = owned{owner: byte(slices.Index(r.gateways, entry.Owner) + 1), epoch: entry.Epoch, attempt: byte(entry.Attempt), ended: entry.Ended}
	return out
}
