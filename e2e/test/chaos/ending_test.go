package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
)

// ghostTime is how long after the last fault a ghost may remain a member: 20 s,
// and a margin for a busy machine.
const ghostTime = 25 * time.Second

// end waits until the workers are at rest, and checks what is left: first that
// the rooms contain exactly the connected members, then, when these have left,
// nothing.
func (w *workload) end() {
	w.stop()
	w.wg.Wait()
	for _, grp := range w.groups {
		grp.room().finish()
	}
	w.sys.logf("the load has ended; %v", &w.stats)
	rest := time.Now()
	if err := w.sys.awaitLeader(); err != nil {
		w.sys.violate("%v", err)
	}
	bucket, closeBucket := w.bucket()
	defer closeBucket()
	if bucket != nil {
		w.endConnected(bucket, rest)
	}
	w.leaveAll()
	close(w.checks)
	w.checkers.Wait()
	w.relays.check(0)
	if bucket != nil {
		w.endEmpty(bucket)
	}
}

// endConnected checks that the members of every room are connected peers, and
// know it.
func (w *workload) endConnected(bucket jetstream.Stream, rest time.Time) {
	what := ""
	err := w.sys.await(ghostTime, "rooms and workers do not agree", func() bool {
		what = w.compare(bucket)
		return what == ""
	})
	if err != nil {
		w.sys.violate("%v: %s", err, what)
		return
	}
	w.sys.logf("rooms and workers agree, %v after the last fault", time.Since(rest).Round(time.Millisecond))
}

// compare returns how the rooms in the bucket differ from the rooms that workers
// see.
func (w *workload) compare(bucket jetstream.Stream) string {
	rooms, err := scan(bucket)
	if err != nil {
		return err.Error()
	}
	here := make(map[proto.PeerID]*client.Client)
	for _, p := range w.all {
		if c := p.client(); c != nil {
			here[c.ID()] = c
		}
	}
	var wrong []string
	for id, room := range rooms {
		var ids []proto.PeerID
		for _, m := range room.Members {
			ids = append(ids, m.ID)
			if here[m.ID] == nil {
				wrong = append(wrong, fmt.Sprintf("ghost %s (of gateway %s) in room %s", m.ID, m.Owner(), id))
			}
		}
		for peer, c := range here {
			if text := compareOne(c, peer, id, ids, room.Creator); text != "" {
				wrong = append(wrong, text)
				break
			}
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, "; ")
}

// compareOne asks one worker's gateway for a room and compares the answer with
// the bucket.
func compareOne(c *client.Client, peer proto.PeerID, room proto.RoomID, members []proto.PeerID, creator proto.PeerID) string {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	d, err := c.Info(ctx, room)
	in := slices.Contains(members, peer)
	switch {
	case in && err != nil:
		return fmt.Sprintf("peer %s is a member of %s, and the answer is %v", peer, room, err)
	case in && (!slices.Equal(d.Clients, members) || d.Creator != creator):
		return fmt.Sprintf("peer %s reads that %s holds %v of %s, and the bucket has %v of %s", peer, room, d.Clients, d.Creator, members, creator)
	case !in && client.Code(err) != proto.Unauthorised:
		return fmt.Sprintf("peer %s is no member of %s, and the answer is %v, %v", peer, room, d.Clients, err)
	}
	return ""
}

// leaveAll closes every client with code 1000.
func (w *workload) leaveAll() {
	var wg sync.WaitGroup
	for _, p := range w.all {
		if c := p.client(); c != nil {
			wg.Go(func() {
				// A client that stays disconnected would fail here, and leave
				// ghosts below.
				if err := c.Close(); err != nil {
					w.sys.logf("closing worker %d: %v", p.n, err)
				}
			})
		}
	}
	wg.Wait()
	w.relays.wg.Wait()
}

// endEmpty checks that nothing is left in the bucket, and no subscription for a
// single peer.
func (w *workload) endEmpty(bucket jetstream.Stream) {
	began := time.Now()
	what := ""
	err := w.sys.await(ghostTime, "something is left when everybody has left", func() bool {
		rooms, err := scan(bucket)
		what = fmt.Sprint(err)
		for id, room := range rooms {
			what += fmt.Sprintf("; room %s with", id)
			for _, m := range room.Members {
				what += fmt.Sprintf(" %s of gateway %s", m.ID, m.Owner())
			}
		}
		return err == nil && len(rooms) == 0
	})
	if err != nil {
		w.sys.violate("%v: %s", err, what)
	} else {
		w.sys.logf("no room is left, %v after the last worker", time.Since(began).Round(time.Millisecond))
	}
	err = w.sys.await(ghostTime, "subscriptions for single peers are left", func() bool {
		what = strings.Join(w.peerSubscriptions(), ", ")
		return what == ""
	})
	if err != nil {
		w.sys.violate("%v: %s", err, what)
	}
}

func (w *workload) peerSubscriptions() (left []string) {
	for _, look := range w.sys.looks {
		b, err := w.sys.look(look, "/subscriptions")
		var subjects []string
		if err == nil {
			err = json.Unmarshal(b, &subjects)
		}
		if err != nil {
			return []string{err.Error()}
		}
		for _, s := range subjects {
			if in, ok := bus.ParseInbound(s); ok && (in.Kind == bus.KindPeer || in.Kind == bus.KindSession) {
				left = append(left, s)
			}
		}
	}
	return left
}

// bucket opens the rooms' bucket, without a proxy.
func (w *workload) bucket() (jetstream.Stream, func()) {
	nc, err := nats.Connect(strings.Join(w.sys.direct, ","), nats.MaxReconnects(-1))
	if err != nil {
		w.sys.violate("opening the bucket: %v", err)
		return nil, func() {}
	}
	var s jetstream.Stream
	err = w.sys.await(ghostTime, "the bucket cannot be opened", func() bool {
		js, err := jetstream.New(nc)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			s, err = js.Stream(ctx, bus.BucketStream(bus.RoomsBucket))
		}
		return err == nil
	})
	if err != nil {
		w.sys.violate("%v", err)
	}
	return s, nc.Close
}

// scan returns every room in the bucket.
func scan(s jetstream.Stream) (map[proto.RoomID]*bus.Room, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(bus.BucketSubject(bus.RoomsBucket, "*")))
	if err != nil {
		return nil, err
	}
	rooms := make(map[proto.RoomID]*bus.Room)
	for subject := range info.State.Subjects {
		m, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m.Header.Get("KV-Operation") != "" || m.Header.Get("Nats-Marker-Reason") != "" {
			continue // deleted; the marker expires
		}
		room := new(bus.Room)
		if err := json.Unmarshal(m.Data, room); err != nil {
			return nil, fmt.Errorf("%s: %w", subject, err)
		}
		rooms[room.ID] = room
	}
	return rooms, nil
}
