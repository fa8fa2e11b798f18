package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

const (
	maxTries = 12 // offers without an answer, giveUp/3 apart
	maxHeld  = 64 // signals of peers that the room does not list yet
)

// caller is the metadata that marks a member of a room as a caller. Other
// members may be there too, for example to watch the room.
var caller = map[string]string{"p2p": "call"}

// meeting finds the other side of a call in a room: of the callers there, the
// first two form a pair, and the second offers. One goroutine uses it.
type meeting struct {
	c      *client.Client
	room   proto.RoomID
	api    *webrtc.API
	wait   time.Duration // for an answer, before the offer is repeated
	printf func(format string, args ...any)

	me      proto.PeerID
	callers []proto.PeerID // in order of joining, this peer included
	partner proto.PeerID   // "" while there is none
	tries   int            // offers to partner so far
	again   *time.Timer    // fires when the next offer is due
	held    []client.Frame // signals that arrived before their sender was listed
	k       *connection    // to partner; nil until one side has offered

	link *link // set by meet
}

// link is the data channel that a meeting opened.
type link struct {
	channel
	*connection
}

func newMeeting(c *client.Client, room proto.RoomID, giveUp time.Duration, printf func(string, ...any)) (*meeting, error) {
	if _, err := iceServers(c.Details()); err != nil {
		return nil, err
	}
	api, err := newAPI(giveUp)
	if err != nil {
		return nil, err
	}
	again := time.NewTimer(time.Hour)
	again.Stop()
	return &meeting{c: c, room: room, api: api, wait: giveUp / 3, printf: printf, again: again}, nil
}

// meet returns when the data channel is open, in m.link.
func (m *meeting) meet(ctx context.Context) error {
	if err := m.join(ctx); err != nil {
		return err
	}
	for {
		var k connection // without a connection, channels that are never ready
		if m.k != nil {
			k = *m.k
		}
		var err error
		select {
		case f, ok := <-m.c.Frames():
			if !ok {
				return fmt.Errorf("the connection to the server ended: %w", m.c.Err())
			}
			err = m.frame(ctx, f)
		case <-m.again.C:
			err = m.offer(ctx)
		case ch := <-k.opened:
			m.link = &link{ch, m.k}
			return nil
		case err = <-k.failed:
		case <-k.lost:
			err = errors.New("no way to the other side was found: both may be behind strict firewalls, then the server needs a TURN server (its --turn-urls)")
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// listen continues to handle signals while the channel is used, because a better
// path to the other side may still be found. It ignores changes of the room, and
// runs until the returned function is called.
func (m *meeting) listen() (stop func()) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case f, ok := <-m.c.Frames():
				if !ok {
					return
				}
				if f.From == m.partner && f.Event == string(proto.Candidate) {
					_ = m.k.handle(f) // a path exists already
				}
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func (m *meeting) end() {
	m.again.Stop()
	if m.k != nil {
		m.k.end()
		m.k = nil
	}
}

// join joins the room as a caller.
func (m *meeting) join(ctx context.Context) error {
	m.drop()
	m.callers, m.me = nil, m.c.ID()
	d, err := m.c.Join(ctx, m.room, client.JoinOptions{Create: true, Metadata: caller})
	if err != nil {
		return err
	}
	m.note(d)
	if slices.Index(m.callers, m.me) > 1 {
		return fmt.Errorf("two others have a call in room %s already: use another room name, or try again when they have finished", proto.Quote(string(m.room)))
	}
	return m.arrange(ctx)
}

// note records the callers.
func (m *meeting) note(d proto.RoomData) {
	known := m.callers
	m.callers = nil
	for _, id := range d.Clients {
		info, shown := d.Members[id]
		if id == m.me || shown && isCaller(info) || !shown && slices.Contains(known, id) {
			m.callers = append(m.callers, id)
		}
	}
}
