package gateway

import (
	"slices"
	"time"

	"p2pconnector/proto"
)

// Times of a takeover. Frames that were on their way to the former holder come
// through it; for settleTime they are put in order with those that come
// directly. For lateTime a duplicate is told from a frame that came too late.
const (
	settleTime = 100 * time.Millisecond
	lateTime   = 5 * time.Second
	maxRecent  = 4096
)

// arrivals puts in order what reaches a session that has moved to this gateway.
// A frame may come twice (directly and through the former holder) and late; the
// numbers in the `lost` subjects tell, as long as the session lives. Guarded by
// the session's lock.
type arrivals struct {
	waiting []arrival
	bytes   int
	settled bool
	orphan  bool                       // the former holder did not answer: what it passes on later is out of order
	until   int64                      // when recent may be forgotten: Unix nanoseconds; set when settled
	seen    map[proto.GatewayID]uint64 // handled by the former holder
	doubt   map[proto.GatewayID]uint64 // sent before a former holder was found to be gone, which may have handled it
	last    map[proto.GatewayID]uint64 // newest relay released, by its gateway
	recent  map[string]struct{}        // lost subjects released; nil after until
}

type arrival struct {
	frame []byte
	lost  string
	from  proto.GatewayID
	seq   uint64
	hop   bool
}

func newArrivals() *arrivals {
	return &arrivals{last: make(map[proto.GatewayID]uint64), recent: make(map[string]struct{})}
}

// add takes a frame at time now (Unix nanoseconds); done is false when the
// session should deliver it now.
func (a *arrivals) add(frame []byte, lost string, hop bool, now int64) (v verdict, done bool) {
	r, ok := proto.ParseLost(lost)
	if !ok {
		return handed, false
	}
	from, seq := r.Gateway, r.Seq
	x := arrival{lost: lost, from: from, seq: seq, hop: hop}
	if !a.settled {
		if len(a.waiting) >= proto.ReplayFrames || a.bytes+len(frame) > proto.ReplayBytes {
			return full, true
		}
		x.frame = slices.Clone(frame)
		x.lost = string([]byte(lost))
		x.from = proto.GatewayID([]byte(from))
		a.waiting = append(a.waiting, x)
		a.bytes += len(frame)
		return handed, true
	}
	if now > a.until {
		a.recent = nil
	}
	switch {
	case a.known(x), hop && a.recent == nil, seq == a.last[from]:
		return handed, true // it came before; a hop this late comes from a gateway that was frozen
	case seq < a.last[from], seq <= a.doubt[from], hop && a.orphan:
		return full, true
	}
	a.note(x)
	return handed, false
}

// known reports whether the frame was handled before.
func (a *arrivals) known(x arrival) bool {
	if _, dup := a.recent[x.lost]; dup {
		return true
	}
	return x.seq <= a.seen[x.from]
}

func (a *arrivals) note(x arrival) {
	if last, ok := a.last[x.from]; ok {
		a.last[x.from] = max(last, x.seq)
	} else if len(a.last) < maxGateways {
		a.last[proto.GatewayID([]byte(x.from))] = x.seq
	}
	if a.recent != nil && len(a.recent) < maxRecent {
		a.recent[x.lost] = struct{}{}
	}
}

// addSeen adds to what this gateway has seen what the session's former holders had,
// and what was released to it: a path that was stuck may bring that once more.
func (a *arrivals) addSeen(into map[proto.GatewayID]uint64) {
	for _, m := range []map[proto.GatewayID]uint64{a.seen, a.last} {
		for from, seq := range m {
			into[from] = max(into[from], seq)
		}
	}
}

// cutDoubtful takes away what a former holder that was gone may have delivered. When
// that was the last one, it is also what a gateway sent that has not said how far it
// was, and what the holder has passed on, since more of that would come behind what
// was sent later.
func (a *arrivals) cutDoubtful() (cut []arrival) {
	kept := a.waiting[:0]
	for _, x := range a.waiting {
		newest, counted := a.doubt[x.from]
		if x.seq <= newest && !a.known(x) || a.orphan && (x.hop || !counted) {
			a.note(x)
			cut = append(cut, x)
		} else {
			kept = append(kept, x)
		}
	}
	a.waiting = kept
	return cut
}

// settle returns what came meanwhile, each once, those of one gateway in its order.
func (a *arrivals) settle(now time.Time) [][]byte {
	a.settled, a.until = true, now.Add(lateTime).UnixNano()
	order := make(map[proto.GatewayID][]arrival)
	for _, x := range a.waiting {
		order[x.from] = append(order[x.from], x)
	}
	for _, xs := range order {
		slices.SortStableFunc(xs, func(x, y arrival) int {
			switch {
			case x.seq < y.seq:
				return -1
			case x.seq > y.seq:
				return 1
			}
			return 0
		})
	}
	var frames [][]byte
	for _, x := range a.waiting {
		next := order[x.from][0]
		order[x.from] = order[x.from][1:]
		if !a.known(next) {
			a.note(next)
			frames = append(frames, next.frame)
		}
	}
	a.waiting, a.bytes = nil, 0
	return frames
}
