package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto"
)

// Bounds of one room's history: the checker's work grows with the unknown outcomes.
const (
	maxOps     = 160
	maxUnknown = 5
	checkTime  = 2 * time.Minute // for one history; longer is a failure
)

// room is one room and its history. When the history is full the workers move to the
// next room, and it is checked. Safe for concurrent use.
type room struct {
	sys *system
	id  proto.RoomID

	mu       sync.Mutex
	ops      []porcupine.Operation
	peers    map[proto.PeerID]byte
	names    []proto.PeerID
	workers  map[proto.PeerID]*worker // who was which peer
	underway int
	unknowns int
	full     bool
	shown    map[uint64]string // states that frames showed of a revision
	done     func(*room)       // called once: full, and no operation pending
	closed   chan struct{}     // closed at the same time
}

func newRoom(sys *system, id proto.RoomID, done func(*room)) *room {
	return &room{
		sys: sys, id: id, done: done, peers: make(map[proto.PeerID]byte),
		workers: make(map[proto.PeerID]*worker), shown: make(map[uint64]string), closed: make(chan struct{}),
	}
}

// enter begins an operation. It returns false when the room accepts no more operations.
func (r *room) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return false
	}
	r.underway++
	return true
}

// record ends an operation that p began, as one of the peers who. More than one peer
// means that it may have been any of them, and makes the outcome unknown.
func (r *room) record(p *worker, who []proto.PeerID, in input, target proto.PeerID, out output, shown *proto.RoomData, call int64) {
	now := r.sys.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(who) > 1 {
		out.code = unknown
	}
	if out.code == unknown && in.kind == info {
		who = nil // it changes nothing, and shows nothing
	}
	for _, id := range who {
		in.peer = r.numberLocked(id)
		r.workers[id] = p
		in.target = 0
		if target != "" {
			in.target = r.numberLocked(target)
		}
		op := porcupine.Operation{ClientId: p.n, Input: in, Call: call, Output: out, Return: now}
		if out.code == unknown {
			r.unknowns++
			op.ClientId, op.Return = 1000+r.unknowns, math.MaxInt64
		}
		if shown != nil && in.kind == info {
			op.Output = r.wholeLocked(shown)
		}
		r.ops = append(r.ops, op)
		if shown != nil && in.kind != info && out.code == "" && in.kind != end && len(shown.Clients) > 0 {
			r.ops = append(r.ops, porcupine.Operation{ClientId: 500 + p.n, Input: input{kind: seen}, Call: call, Output: r.stateLocked(shown), Return: now})
		}
	}
	r.leaveLocked()
}

// abandon ends an operation that was never sent.
func (r *room) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked()
}

func (r *room) leaveLocked() {
	r.underway--
	if len(r.ops) >= maxOps || r.unknowns >= maxUnknown {
		r.full = true
	}
	if r.full && r.underway == 0 && r.done != nil {
		done := r.done
		r.done = nil
		close(r.closed)
		done(r)
	}
}

// finish closes the room to new operations.
func (r *room) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = true
	r.underway++
	r.leaveLocked()
}

func (r *room) numberLocked(id proto.PeerID) byte {
	n, ok := r.peers[id]
	if !ok {
		n = byte(len(r.peers) + 1)
		r.peers[id] = n
		r.names = append(r.names, id)
	}
	return n
}

func (r *room) stateLocked(d *proto.RoomData) output {
	var members []byte
	for _, id := range d.Clients {
		members = append(members, r.numberLocked(id))
	}
	return output{members: string(members), creator: r.numberLocked(d.Creator)}
}

// wholeLocked is stateLocked with what Room_Info alone shows.
func (r *room) wholeLocked(d *proto.RoomData) output {
	out := r.stateLocked(d)
	var extra, bans []byte
	for _, id := range d.Clients {
		info := d.Members[id]
		var said byte
		if info.Metadata != nil && json.Unmarshal(info.Metadata, &said) != nil {
			r.sys.violate("room %s: member %s has metadata %s, which nobody gave it", r.id, id, info.Metadata)
		}
		moderator := asMember
		if info.Moderator {
			moderator = asModerator
		}
		extra = append(extra, said, moderator)
	}
	for _, b := range d.Banned {
		bans = append(bans, r.numberLocked(b.Client))
	}
	slices.Sort(bans)
	out.extra, out.bans = string(extra), string(bans)
	return out
}

// saw compares the state that a frame shows of a revision with what other frames showed.
func (r *room) saw(event string, d *proto.RoomData) {
	if len(d.Clients) == 0 || event == string(proto.RoomDeleted) {
		return // frames about an end show the state before it
	}
	text := fmt.Sprint(d.Clients, d.Creator, d.Capacity)
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.shown[d.Revision]; ok && was != text {
		r.sys.violate("room %s at revision %d was shown as %s and, by %s, as %s", r.id, d.Revision, was, event, text)
	}
	r.shown[d.Revision] = text
}

// check adds the removals that broken connections may have caused and runs the checker
// on the history.
func (r *room) check(stats *stats) {
	r.mu.Lock() // readers take it too: not held while checking
	ops, names, workers, peers := slices.Clone(r.ops), r.names, maps.Clone(r.workers), maps.Clone(r.peers)
	r.mu.Unlock()
	for _, id := range names {
		p := workers[id]
		if p == nil {
			continue // named by others only
		}
		if at, ok := p.mayBeDropped(id, r.id); ok {
			stats.drops.Add(1)
			ops = append(ops, porcupine.Operation{
				ClientId: 2000 + int(peers[id]), Input: input{kind: drop, peer: peers[id]},
				Call: at, Output: output{code: unknown}, Return: math.MaxInt64,
			})
		}
	}
	stats.rooms.Add(1)
	began := time.Now()
	result, how := checkHistory(ops)
	if took := time.Since(began); took > 5*time.Second {
		r.sys.logf("checking room %s with %d operations took %v", r.id, len(ops), took)
	}
	if result == porcupine.Ok {
		return
	}
	r.sys.illegal("history of room %s (%d operations): %s; see %s", r.id, len(ops), result, r.picture(ops, names, how))
}

// checkHistory checks a history, at first without the operations of unknown outcome that no
// shown state refers to. A history that is explained without them is explained with
// them, because they may take effect at the very end. Each operation that is left out
// saves the checker most of its work: ten joins at one moment can come in millions of
// orders.
func checkHistory(ops []porcupine.Operation) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	some := witnessed(ops)
	if result, how := porcupine.CheckOperationsVerbose(model, some, checkTime); result == porcupine.Ok || len(some) == len(ops) {
		return result, how
	}
	return porcupine.CheckOperationsVerbose(model, ops, checkTime)
}

// witnessed returns the operations of known outcome and, of the others, those that add a
// peer that is known to have been a member, or that remove one.
func witnessed(ops []porcupine.Operation) []porcupine.Operation {
	members := make(map[byte]bool)
	for _, op := range ops {
		in, out := op.Input.(input), op.Output.(output)
		for _, m := range []byte(out.members) {
			members[m] = true
		}
		if out.code == "" || out.code == proto.AlreadyExists {
			members[in.peer] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op porcupine.Operation) bool {
		in := op.Input.(input)
		who := in.peer
		if in.kind == remove || in.kind == ban {
			who = in.target
		}
		return op.Output.(output).code == unknown && in.kind != end && in.kind != unban && in.kind != role && in.kind != ban && !members[who]
	})
}

// picture writes the history and the checker's picture of it.
func (r *room) picture(ops []porcupine.Operation, names []proto.PeerID, how porcupine.LinearizationInfo) string {
	base := filepath.Join(r.sys.dir, string(r.id))
	if err := porcupine.VisualizePath(model, how, base+".html"); err != nil {
		r.sys.logf("no picture: %v", err)
	}
	var b strings.Builder
	for i, id := range names {
		fmt.Fprintf(&b, "%d = %s\n", i+1, id)
	}
	slices.SortStableFunc(ops, func(x, y porcupine.Operation) int { return int(x.Call/1000 - y.Call/1000) })
	for _, op := range ops {
		until := fmt.Sprintf("%9.4f", float64(op.Return)/1e9)
		if op.Return == math.MaxInt64 {
			until = "      end"
		}
		fmt.Fprintf(&b, "%9.4f to %s  %s\n", float64(op.Call)/1e9, until, model.DescribeOperation(op.Input, op.Output))
	}
	if err := os.WriteFile(base+".txt", []byte(b.String()), 0o644); err != nil {
		r.sys.logf("no history: %v", err)
	}
	return base + ".html and .txt"
}
