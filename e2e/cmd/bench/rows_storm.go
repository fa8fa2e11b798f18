package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/process"
	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

var stormSizes = []int{100, 300, 1000}

// stormModes are the two ways in which clients receive the members: full lists,
// and the subprotocol that requests changes.
var stormModes = []struct{ name, query string }{{"lists", ""}, {"deltas", "?updates=delta"}}

const stormTimeout = 60 * time.Second

func stormSteps(b *bench) int {
	n := 0
	for _, size := range stormSizes {
		for _, mode := range stormModes {
			if b.wantsCase(stormCase(size, mode.name)) {
				n++
			}
		}
	}
	return n * b.opt.rounds
}

func stormCase(n int, mode string) string { return fmt.Sprintf("%s peers, %s", grouped(n), mode) }

func stormRow(ctx context.Context, b *bench) error {
	s, err := b.startOurs(ctx, layout{gateways: 2, rooms: 1})
	if err != nil {
		return err
	}
	defer s.stop()
	for _, n := range stormSizes {
		for round := range b.opt.rounds {
			for _, mode := range stormModes {
				kase := stormCase(n, mode.name)
				if !b.wantsCase(kase) {
					continue
				}
				b.show.step("storm", kase, s.name, round)
				s.target = func(int) string { return "/ws" + mode.query }
				if err := b.stormOnce(ctx, s, kase, n, round); err != nil {
					return fmt.Errorf("%s: %w", kase, err)
				}
			}
		}
	}
	return nil
}

// stormOnce connects n peers, makes them join a room at once, and ends the room.
func (b *bench) stormOnce(ctx context.Context, s *system, kase string, n, round int) error {
	f, err := connect(ctx, s, n, 16<<10)
	if err != nil {
		return err
	}
	defer f.close()
	if err := pause(ctx, b.opt.warm); err != nil {
		return err
	}
	room := fmt.Sprintf("storm %s %d", kase, round)
	st := newStorm(f, room)
	writes0, err := s.lastWrite()
	if err != nil {
		return err
	}
	read0 := f.bytesRead()
	var took time.Duration
	u, err := b.watch(s.procs, func() error {
		if took, err = st.run(ctx); err != nil {
			return err
		}
		return pause(ctx, 300*time.Millisecond) // coalesced updates are sent after it
	})
	if err != nil {
		return err
	}
	read1 := f.bytesRead()
	writes1, err := s.lastWrite()
	if err != nil {
		return err
	}
	f.feed(nil)
	b.book.add("storm", kase, s.name, "all know all", "ms", took.Seconds()*1e3)
	b.book.add("storm", kase, s.name, "cpu per join", microsec, perItem(u.servers, uint64(n)))
	b.book.add("storm", kase, s.name, "sent per peer", kilobytes, float64(read1-read0)/1e3/float64(n))
	b.book.add("storm", kase, s.name, "sent", "MB", float64(read1-read0)/1e6)
	b.book.add("storm", kase, s.name, "KV writes", count, float64(writes1-writes0))
	b.book.latencies("storm", kase, s.name, st.hist)
	return s.endRoom(room)
}

// storm is a set of peers that join one room and count the members they know.
type storm struct {
	fleet *fleet
	room  string
	index map[string]int // of a peer's id among the fleet
	peers []stormPeer    // by connection, each owned by its reader
	left  atomic.Int64   // peers that do not know all members yet
	began int64
	done  chan int64  // when the last peer knew all members
	hist  *stats.Hist // from the beginning until a peer knew all members
	odd   atomic.Pointer[string]
}

type stormPeer struct {
	known []uint64 // bits by index
	n     int
}

func newStorm(f *fleet, room string) *storm {
	n := len(f.conns)
	s := &storm{fleet: f, room: room, index: make(map[string]int, n), peers: make([]stormPeer, n), done: make(chan int64, 1), hist: new(stats.Hist)}
	for i, c := range f.conns {
		s.index[c.ID] = i
		s.peers[i].known = make([]uint64, (n+63)/64)
	}
	s.left.Store(int64(n))
	return s
}

// run sends all joins and returns how long it took until all peers knew each
// other.
func (s *storm) run(ctx context.Context) (time.Duration, error) {
	s.fleet.feed(s)
	join := load.AppendFrame(nil, load.OpText, fmt.Appendf(nil, `{"event":"Join_Room","data":{"room":%q,"create":true},"id":1}`, s.room))
	s.began = load.Clock()
	for _, c := range s.fleet.conns {
		if err := c.Write(join); err != nil {
			return 0, err
		}
	}
	select {
	case at := <-s.done:
		return time.Duration(at - s.began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(stormTimeout):
	}
	err := fmt.Errorf("%d of %d peers do not know everyone after %v", s.left.Load(), len(s.peers), stormTimeout)
	if odd := s.odd.Load(); odd != nil {
		err = fmt.Errorf("%w; one got %s", err, *odd)
	}
	return 0, err
}

var (
	addedPrefix = []byte(`{"type":"update","event":"Client_Added"`)
	errorPrefix = []byte(`{"type":"error"`)
)

// Frame implements load.Sink.
func (s *storm) Frame(c *load.Conn, now int64, payload []byte) {
	if bytes.HasPrefix(payload, errorPrefix) {
		text := string(payload)
		s.odd.Store(&text)
	}
	p := &s.peers[c.At]
	if p.n == len(s.peers) || !bytes.HasPrefix(payload, addedPrefix) {
		return
	}
	eachID(payload, `"added":[`, func(id []byte) { s.learn(p, id) })
	// A list as long as the number of peers names them all: the room has no
	// other members.
	if countIDs(payload, `"clients":[`) == len(s.peers) {
		p.n = len(s.peers)
	} else {
		eachID(payload, `"clients":[`, func(id []byte) { s.learn(p, id) })
	}
	if p.n == len(s.peers) {
		s.hist.Add(time.Duration(now - s.began))
		if s.left.Add(-1) == 0 {
			s.done <- load.Clock()
		}
	}
}

// Batch implements load.Sink.
func (s *storm) Batch(*load.Conn) {}

func (s *storm) learn(p *stormPeer, id []byte) {
	i, ok := s.index[string(id)]
	if ok && p.known[i/64]&(1<<(i%64)) == 0 {
		p.known[i/64] |= 1 << (i % 64)
		p.n++
	}
}

// idBytes is the length of a peer's id; in a list each also has quotes and a
// comma.
const (
	idBytes  = 36
	perEntry = idBytes + 3
)

// list returns the bytes behind key in a frame of the gateway, up to the end of
// the list: ids in quotes.
func list(payload []byte, key string) []byte {
	_, rest, ok := bytes.Cut(payload, []byte(key))
	if !ok {
		return nil
	}
	return rest[:max(bytes.IndexByte(rest, ']'), 0)]
}

func countIDs(payload []byte, key string) int { return (len(list(payload, key)) + 1) / perEntry }

func eachID(payload []byte, key string, yield func(id []byte)) {
	for l := list(payload, key); len(l) >= idBytes+2; l = l[min(perEntry, len(l)):] {
		yield(l[1 : 1+idBytes])
	}
}

// lastWrite returns the sequence of the last write to the bucket of rooms.
func (s *system) lastWrite() (uint64, error) {
	m, err := s.js.Request("$JS.API.STREAM.INFO."+bus.BucketStream(bus.RoomsBucket), nil, process.StartTimeout)
	if err != nil {
		return 0, fmt.Errorf("asking JetStream for its last write: %w", err)
	}
	var info struct {
		State struct {
			LastSeq uint64 `json:"last_seq"`
		}
	}
	return info.State.LastSeq, json.Unmarshal(m.Data, &info)
}

// endRoom ends a room as a back end does, and waits for the answer.
func (s *system) endRoom(room string) error {
	req, err := json.Marshal(bus.Request{Op: bus.OpID("bench " + room), Room: proto.RoomID(room)})
	if err != nil {
		return err
	}
	m, err := s.js.Request(bus.RoomsSubject(bus.OpEnd), req, process.StartTimeout)
	if err != nil {
		return fmt.Errorf("ending room %q: %w", room, err)
	}
	var reply bus.Reply
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return fmt.Errorf("ending room %q: %s", room, reply.Error.Message)
	}
	return nil
}
