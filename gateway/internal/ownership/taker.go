package ownership

import (
	"slices"

	"p2pconnector/proto"
)

// maxAsked bounds the gateways that one attempt asks.
const maxAsked = 6

// Stage is the progress of an attempt to take a session over.
type Stage int

// The stages of a Taker.
const (
	Asking  Stage = iota // the gateway asks Target for the session
	Looking              // the gateway asks the directory for the entry
	Taking               // the gateway asks the directory for Epoch at Revision
	Seated               // this gateway owns the session at Epoch
	Failed               // the client gets an error: see Over
)

// Taker is one attempt of a gateway to take over a session whose client has connected
// to it. Make one with NewTaker.
type Taker struct {
	Stage    Stage
	Own      proto.GatewayID
	Number   uint64          // of the attempt, which no other of this gateway has; from 1
	Target   proto.GatewayID // Asking: the gateway to ask
	Epoch    uint64          // Taking, Seated: the epoch that this gateway takes
	Revision uint64          // of the entry that it replaces; when Seated, of its own entry
	Copy     bool            // it has a handoff of the epoch before; without one nothing is recovered
	Root     uint64          // Seated: this gateway has what all owners from this epoch on had
	Over     bool            // Failed: the session has ended; otherwise the client may try again

	home  proto.GatewayID
	known uint64 // epoch named by the client's token, or by a gateway that was asked
	asked []question
}

// question is a gateway that was asked as the owner in an epoch. A gateway that now owns a
// later epoch must be asked again, because it may have served the client.
type question struct {
	of    proto.GatewayID
	epoch uint64
}

func (t *Taker) wasAsked(g proto.GatewayID, epoch uint64) bool {
	return slices.ContainsFunc(t.asked, func(q question) bool { return q.of == g && q.epoch >= epoch })
}

// Answer is the answer to the question of the present stage.
type Answer struct {
	Kind     AnswerKind
	Owner    proto.GatewayID // Redirected, Entry, Lost
	Epoch    uint64          // Handoff: the lender's; Redirected, Entry, Lost: the owner's
	Revision uint64          // Handoff, Entry, Lost, Won
	Root     uint64          // Handoff: the lender's
}

// AnswerKind names an Answer.
type AnswerKind int

// The answers to a Taker.
const (
	Handoff    AnswerKind = iota // Asking: a copy of the session
	Redirected                   // Asking: another gateway owns it
	Absent                       // Asking: the gateway has nothing, or is dead
	Refused                      // Asking: the token is not the session's newest
	Silent                       // Asking: the gateway is alive and does not answer
	Entry                        // Looking: the entry
	NoEntry                      // Looking: there is none
	Ended                        // Looking, Taking: the session has ended
	Won                          // Taking: this gateway owns the epoch
	Lost                         // Taking: another gateway was first
	Unknown                      // Looking, Taking: no answer in time
)

// NewTaker returns a new attempt of gateway own, with its number and the content of a
// client's token.
func NewTaker(own proto.GatewayID, number uint64, home, owner proto.GatewayID, epoch uint64) Taker {
	t := Taker{Own: own, Number: number, home: home, known: epoch}
	return t.ask(owner, epoch)
}

func (t Taker) ask(g proto.GatewayID, epoch uint64) Taker {
	t.known = max(t.known, epoch)
	if g == t.Own || t.wasAsked(g, epoch) {
		t.Stage = Looking
		return t
	}
	if len(t.asked) >= maxAsked {
		return t.fail(false)
	}
	t.asked = append(slices.Clip(t.asked), question{g, epoch})
	t.Stage, t.Target = Asking, g
	return t
}

func (t Taker) take(epoch, revision uint64) Taker {
	t.Stage, t.Epoch, t.Revision = Taking, epoch+1, revision
	return t
}

func (t Taker) fail(over bool) Taker {
	t.Stage, t.Over = Failed, over
	return t
}

// Step returns the attempt after an answer.
func (t Taker) Step(a Answer) Taker {
	switch t.Stage {
	case Asking:
		switch a.Kind {
		case Handoff:
			t.Copy, t.Root = true, a.Root
			return t.take(a.Epoch, a.Revision)
		case Redirected:
			return t.ask(a.Owner, a.Epoch)
		case Absent:
			t.Stage = Looking
			return t
		case Refused:
			return t.fail(true)
		}
		return t.fail(false)
	case Looking:
		return t.looked(a)
	case Taking:
		switch a.Kind {
		case Won:
			t.Stage, t.Revision = Seated, a.Revision
			return t
		case Lost:
			return t.lost(a)
		case Ended:
			return t.fail(true)
		}
		return t.fail(false)
	}
	return t
}

// lost handles an entry that is not this attempt's. If an earlier attempt of this gateway
// wrote it after it had failed, nobody was seated, and the copy is good for the epoch above.
func (t Taker) lost(a Answer) Taker {
	if a.Owner != t.Own || a.Epoch != t.Epoch {
		return t.ask(a.Owner, a.Epoch)
	}
	return t.take(a.Epoch, a.Revision)
}

func (t Taker) looked(a Answer) Taker {
	switch {
	case a.Kind == Ended:
		return t.fail(true)
	case a.Kind == NoEntry && t.known == 0:
		if t.home != t.Own && !t.wasAsked(t.home, 0) {
			return t.ask(t.home, 0)
		}
		t.Copy, t.Root = false, 1
		return t.take(0, 0)
	case a.Kind == NoEntry: // an epoch was taken, and its entry is gone
		return t.fail(true)
	case a.Kind != Entry:
		return t.fail(false)
	case a.Owner != t.Own && !t.wasAsked(a.Owner, a.Epoch):
		return t.ask(a.Owner, a.Epoch)
	}
	// The owner was asked and has nothing. A copy from an earlier owner is useless: the
	// client may have received its frames from an owner in between.
	t.Copy, t.Root = false, a.Epoch+1
	return t.take(a.Epoch, a.Revision)
}
