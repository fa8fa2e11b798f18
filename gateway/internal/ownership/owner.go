package ownership

import "p2pconnector/proto"

// Phase is the part that a gateway has in a session.
type Phase int

// Phases of Holding.
const (
	None    Phase = iota // nothing
	Serving              // it owns the session
	Lent                 // it owns the session, as far as it knows, and has lent a copy
	Moved                // another gateway owns the session
)

// Holding is what one gateway knows of one session. The zero value knows nothing.
type Holding struct {
	Phase    Phase
	Epoch    uint64          // Serving, Lent: its own; Moved: the owner's
	Revision uint64          // of its entry in the directory; 0: there is none
	Other    proto.GatewayID // Lent: the first taker, or the owner in the directory; Moved: the owner
	Ending   bool            // Lent: the grace is over
	// Lossy: a taker that had a copy may have acknowledged frames and died with them. Copies
	// that are lent now are marked lossy, and so is the session if this gateway takes it back.
	Lossy bool
}

// Event is an input of Holding.Step. Kind determines which of the other fields are set.
type Event struct {
	Kind     EventKind
	By       proto.GatewayID // Asked: the taker; Outdated, NotSeated: the owner
	Epoch    uint64          // Outdated, NotSeated, Took: the new epoch
	Revision uint64          // NotSeated, Took: of its entry; NotSeated: as it was before the owner was asked
	Dead     bool            // NotSeated: the owner is dead, and may have been seated
	Seated   bool            // Outdated: reported by the owner itself; it serves, or has served
	Root     uint64          // Outdated, with Seated: the owner has what all owners from this epoch on had
}

// EventKind names an Event.
type EventKind int

// The events of a Holding.
const (
	Asked     EventKind = iota // a taker asks for the session
	Resumed                    // the client connects to this gateway
	GraceOver                  // the client did not come back
	Took                       // the directory has given this gateway the next epoch
	Outdated                   // the directory, or the owner itself, names another owner
	NotSeated                  // the owner that the directory names has nothing and takes nothing over
	Gone                       // the session has ended, according to the directory
)

// Action is an action of the gateway after a step.
type Action int

// The actions of a Holding.
const (
	Nothing  Action = iota
	Lend            // answer with a copy of the session; its next epoch is Epoch+1
	Redirect        // answer with Other and Epoch
	NotHere         // answer that this gateway has nothing of the session
	Take            // take Epoch+1 in the directory for this gateway
	Confirm         // look the owner up in the directory, and ask it whether it serves the session
	Attach          // serve the client
	Drop            // close the connection, and report waiting frames and frames that no client confirmed
	Forget          // drop the copy: the new owner has it
	End             // end the entry if Revision is not 0, report waiting frames, leave the rooms
)

// Step returns the next state and the action.
func (h Holding) Step(e Event) (Holding, Action) {
	switch e.Kind {
	case Asked:
		return h.asked(e)
	case Resumed:
		switch h.Phase {
		case Serving:
			return h, Attach
		case Lent:
			h.Ending = false
			return h, Take
		case Moved:
			return h, Redirect
		}
		return h, NotHere
	case GraceOver:
		switch h.Phase {
		case Serving:
			return Holding{}, End
		case Lent:
			h.Ending = true
			return h, Take
		}
	case Took:
		if h.Phase != Lent || e.Epoch <= h.Epoch {
			return h, Nothing
		}
		next := Holding{Phase: Serving, Epoch: e.Epoch, Revision: e.Revision, Lossy: true}
		if h.Ending {
			return Holding{}, End
		}
		return next, Attach
	case Outdated:
		return h.outdated(e)
	case NotSeated:
		return h.notSeated(e)
	case Gone:
		if h.Phase == Serving || h.Phase == Lent {
			return Holding{}, End
		}
		return Holding{}, Nothing
	}
	return h, Nothing
}

func (h Holding) asked(e Event) (Holding, Action) {
	switch h.Phase {
	case Serving, Lent:
		if h.Phase == Serving {
			h.Other = e.By // frames go to the first taker, which must have all frames for a copy that is not Lossy
		}
		h.Lossy = h.Lossy || h.Other != e.By
		h.Phase, h.Ending = Lent, false
		return h, Lend
	case Moved:
		return h, Redirect
	}
	return h, NotHere
}

// outdated handles another gateway's epoch. A lender keeps its copy until the new owner
// itself confirms that it has the session: it may have failed after it won the epoch.
func (h Holding) outdated(e Event) (Holding, Action) {
	if h.Phase == None || e.Epoch <= h.Epoch {
		return h, Nothing
	}
	if h.Phase == Lent && !e.Seated {
		h.Other = e.By
		return h, Confirm
	}
	next := Holding{Phase: Moved, Epoch: e.Epoch, Other: e.By}
	if h.Phase == Moved {
		return next, Nothing
	}
	if h.Phase == Lent && e.Root <= h.Epoch {
		return next, Forget
	}
	return next, Drop
}

// notSeated handles an owner that the directory named before the owner said that it has
// nothing. The owner cannot be seated by that entry any more; if it is by a later one, the
// take fails. If the owner is dead, or its epoch is not the next, a client may have received
// the frames in the copy.
func (h Holding) notSeated(e Event) (Holding, Action) {
	switch {
	case h.Phase != Lent || e.Epoch <= h.Epoch:
		return h, Nothing
	case e.Dead || e.Epoch > h.Epoch+1:
		return Holding{Phase: Moved, Epoch: e.Epoch, Other: e.By}, Drop
	}
	h.Epoch, h.Revision = e.Epoch, e.Revision
	return h, Take
}
