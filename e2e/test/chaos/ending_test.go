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

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// ghostTime is how long after the last fault a ghost may remain a member: 20 s,
// and a margin for a busy machine.
const ghostTime = 25 * time.Second

// end waits until the players are at rest, and checks what is left: first that
// the rooms contain exactly the connected members, then, when these have left,
// nothing.
func (g *game) end() {
	g.stop()
	g.wg.Wait()
	for _, t := range g.tables {
		t.room().finish()
	}
	g.w.logf("the load has ended; %v", &g.stats)
	rest := time.Now()
	if err := g.w.awaitLeader(); err != nil {
		g.w.violate("%v", err)
	}
	bucket, closeBucket := g.bucket()
	defer closeBucket()
	if bucket != nil {
		g.endConnected(bucket, rest)
	}
	g.leaveAll()
	close(g.checks)
	g.judges.Wait()
	g.relays.judge(0)
	if bucket != nil {
		g.endEmpty(bucket)
	}
}

// endConnected checks that the members of every room are connected peers, and
// know it.
func (g *game) endConnected(bucket jetstream.Stream, rest time.Time) {
	what := ""
	err := g.w.await(ghostTime, "rooms and players do not agree", func() bool {
		what = g.compare(bucket)
		return what == ""
	})
	if err != nil {
		g.w.violate("%v: %s", err, what)
		return
	}
	g.w.logf("rooms and players agree, %v after the last fault", time.Since(rest).Round(time.Millisecond))
}

// compare returns how the rooms in the bucket differ from the rooms that players
// see.
func (g *game) compare(bucket jetstream.Stream) string {
	rooms, err := scan(bucket)
	if err != nil {
		return err.Error()
	}
	here := make(map[proto.PeerID]*client.Client)
	for _, p := range g.all {
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
				wrong = append(wrong, fmt.Sprintf("ghost %s (held by %s) in room %s", m.ID, m.Holder(), id))
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

// compareOne asks one player's gateway for a room and compares the answer with
// the bucket.
func compareOne(c *client.Client, peer proto.PeerID, room proto.RoomID, members []proto.PeerID, creator proto.PeerID) string {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	d, err := c.Info(ctx, room)
	in := slices.Contains(members, peer)
	switch {
	case in && err != nil:
		return fmt.Sprintf("peer %s is a member of %s, and is told %v", peer, room, err)
	case in && (!slices.Equal(d.Clients, members) || d.Creator != creator):
		return fmt.Sprintf("peer %s is told that %s holds %v of %s, and it holds %v of %s", peer, room, d.Clients, d.Creator, members, creator)
	case !in && client.Code(err) != proto.Unauthorised:
		return fmt.Sprintf("peer %s is no member of %s, and is told %v, %v", peer, room, d.Clients, err)
	}
	return ""
}

// leaveAll closes every client with code 1000.
func (g *game) leaveAll() {
	var wg sync.WaitGroup
	for _, p := range g.all {
		if c := p.client(); c != nil {
			wg.Go(func() {
				// A client that stays disconnected would fail here, and leave
				// ghosts below.
				if err := c.Close(); err != nil {
					g.w.logf("closing player %d: %v", p.n, err)
				}
			})
		}
	}
	wg.Wait()
	g.relays.wg.Wait()
}

// endEmpty checks that nothing is left in the bucket, and no subscription for a
// single peer.
func (g *game) endEmpty(bucket jetstream.Stream) {
	began := time.Now()
	what := ""
	err := g.w.await(ghostTime, "something is left when everybody has gone", func() bool {
		rooms, err := scan(bucket)
		what = fmt.Sprint(err)
		for id, room := range rooms {
			what += fmt.Sprintf("; room %s with", id)
			for _, m := range room.Members {
				what += fmt.Sprintf(" %s held by %s", m.ID, m.Holder())
			}
		}
		return err == nil && len(rooms) == 0
	})
	if err != nil {
		g.w.violate("%v: %s", err, what)
	} else {
		g.w.logf("no room is left, %v after the last player", time.Since(began).Round(time.Millisecond))
	}
	err = g.w.await(ghostTime, "subscriptions for single peers are left", func() bool {
		what = strings.Join(g.peerSubscriptions(), ", ")
		return what == ""
	})
	if err != nil {
		g.w.violate("%v: %s", err, what)
	}
}

func (g *game) peerSubscriptions() (left []string) {
	for _, look := range g.w.looks {
		b, err := g.w.look(look, "/subscriptions")
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
func (g *game) bucket() (jetstream.Stream, func()) {
	nc, err := nats.Connect(strings.Join(g.w.direct, ","), nats.MaxReconnects(-1))
	if err != nil {
		g.w.violate("opening the bucket: %v", err)
		return nil, func() {}
	}
	var s jetstream.Stream
	err = g.w.await(ghostTime, "the bucket cannot be opened", func() bool {
		js, err := jetstream.New(nc)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			s, err = js.Stream(ctx, bus.BucketStream(bus.RoomsBucket))
		}
		return err == nil
	})
	if err != nil {
		g.w.violate("%v", err)
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
