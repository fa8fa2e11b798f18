package metrics

import (
	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/proto"
)

// Metrics holds all counters of one gateway. Make it with New.
type Metrics struct {
	Handshakes  Handshakes
	Connections Connections
	Frames      Frames
	Relays      Relays
	Sessions    Sessions
	Dialects    Dialects
	Rooms       Rooms
	Faults      Faults
	ICEFetches  CounterSet[ice.Outcome]
}

// Handshakes counts the answers to WebSocket handshakes.
type Handshakes struct {
	Statuses CounterSet[int]                 // by HTTP status; a refusal over the WebSocket counts with the status that other clients get
	Limited  CounterSet[admission.LimitName] // refused by a limit on connections
	Unread   Counter                         // refusals over HTTP, because too many refused WebSockets were open
	Tokens   Counter                         // access tokens refused, of handshakes and of Authenticate
}

// Connections counts WebSockets and how they end.
type Connections struct {
	Accepted Counter
	Slow     Counter // closed because the queue was full
	Idle     Counter // closed because nothing was received
	Closes   CounterSet[proto.CloseCode]
}

// Sessions counts the events of sessions.
type Sessions struct {
	ReplayFull Counter // frames that found no room in a replay buffer
	Resumes    CounterSet[ResumeOutcome]
	Moves      CounterSet[MoveOutcome]
	NotAway    CounterSet[quota.Limit] // sessions that ended when their connection broke, by the limit that was met
	KeyFetches CounterSet[auth.FetchOutcome]
}

// ResumeOutcome is the outcome of a client's request to resume a session.
type ResumeOutcome string

// The outcomes of Resume.
const (
	ResumedHere   ResumeOutcome = "here"       // the session was at this gateway
	TakenOver     ResumeOutcome = "taken_over" // it was taken over from another gateway
	ResumeRefused ResumeOutcome = "refused"
)

// MoveOutcome is the outcome of a session's move between gateways.
type MoveOutcome string

// The outcomes of moves.
const (
	MoveTaken     MoveOutcome = "taken"      // this gateway took the session over
	MoveFailed    MoveOutcome = "failed"     // this gateway could not take it over
	MoveConflict  MoveOutcome = "conflict"   // another gateway was first to take the epoch
	MoveLent      MoveOutcome = "lent"       // this gateway lent a copy to another gateway
	MoveTakenBack MoveOutcome = "taken_back" // this gateway took a session back that it had lent
	MoveOutdated  MoveOutcome = "outdated"   // another gateway had taken it over without a copy
)

// Rooms counts the events of the replicas of rooms.
type Rooms struct {
	Holes     Counter                 // changes that arrived before their predecessor
	Fetches   Counter                 // whole rooms fetched
	Lost      Counter                 // rooms that ended because JetStream lost them
	Refused   CounterSet[quota.Limit] // requests refused because of a limit on the places of all sessions
	QueueFull Counter                 // frames refused because a connection's room queue was full

	Passwords CounterSet[PasswordOutcome] // of rooms: wrong, or refused unread

	RequestsRefused Counter // whose turn at the room service did not come in time
}

// PasswordOutcome is why a password of a room let nobody in.
type PasswordOutcome string

// The outcomes of passwords.
const (
	PasswordWrong      PasswordOutcome = "wrong"
	PasswordsOfClient  PasswordOutcome = "client"  // not checked: too many of one client
	PasswordsOfAddress PasswordOutcome = "address" // not checked: too many wrong ones of one address
)

// Faults counts what should not happen.
type Faults struct {
	Panics      Counter
	BadSubjects Counter // messages on a subject that no service uses
}

// New returns Metrics whose counters are all 0.
func New() *Metrics {
	m := new(Metrics)
	m.Handshakes.Statuses.init(101, 400, 401, 403, 421, 426, 429, 503)
	m.Handshakes.Limited.init(admission.ConnectsPerAddress, admission.MaxPerAddress, admission.MaxPerUser, admission.MaxConnections, admission.ConnectsPerSecond, admission.TokenFailures)
	closes := make([]proto.CloseCode, len(proto.CloseCodes))
	for i, d := range proto.CloseCodes {
		closes[i] = d.Code
	}
	m.Connections.Closes.init(closes...)
	m.Frames.init()
	m.Relays.init()
	m.Dialects.init()
	m.Sessions.Resumes.init(ResumedHere, TakenOver, ResumeRefused)
	m.Sessions.Moves.init(MoveTaken, MoveFailed, MoveConflict, MoveLent, MoveTakenBack, MoveOutdated)
	m.Sessions.NotAway.init(quota.AwayPerAddress, quota.AwayPerUser)
	m.Rooms.Refused.init(quota.Memberships, quota.MembershipsPerAddress, quota.MembershipsPerUser)
	m.Rooms.Passwords.init(PasswordWrong, PasswordsOfClient, PasswordsOfAddress)
	m.Sessions.KeyFetches.init(auth.FetchOutcomes()...)
	m.ICEFetches.init(ice.Outcomes()...)
	return m
}
