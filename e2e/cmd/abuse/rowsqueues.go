package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// Numbers of the attacks on buffers. One address may have 1,000 connections, by default.
const (
	senders     = 100
	bufferPeers = 900
	awayFrames  = 6  // more than are kept for a peer that is away
	queueFrames = 24 // more than a queue takes behind what the kernel takes for a connection with unreadBuffer
	framesFirst = 1  // before a peer goes away

	unreadBuffer = 4 << 10 // bytes that the kernel takes for a peer that does not read, about
)

// buffered makes the server buffer frames for the attackers' own peers, which never read,
// or which go away without a close frame.
func buffered(away bool) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		peers, err := t.connectAttackers(ctx, bufferPeers)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		from, err := t.connectAttackers(ctx, senders)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		for _, c := range from {
			c.Feed(t.got)
			c.Start()
		}
		if !away {
			for _, c := range peers {
				if err := c.SetReadBuffer(unreadBuffer); err != nil {
					return err
				}
			}
			return ignoreEnd(ctx, t.sendToAll(ctx, from, peers, queueFrames))
		}
		err = t.sendToAll(ctx, from, peers, framesFirst)
		for _, c := range peers {
			_ = c.Close() // with unread bytes: a reset
		}
		if err == nil {
			err = t.sendToAll(ctx, from, peers, awayFrames)
		}
		return ignoreEnd(ctx, err)
	}
}

// connectAttackers opens connections that do not read.
func (t *trial) connectAttackers(ctx context.Context, n int) ([]*client, error) {
	all := make([]*client, n)
	err := parallel(ctx, n, joiners, func(ctx context.Context, i int) (err error) {
		all[i], err = t.dialAttacker(ctx)
		return err
	})
	return all, err
}

// sendToAll sends frames to each of the peers, each from another sender.
func (t *trial) sendToAll(ctx context.Context, from, to []*client, each int) error {
	pad := strings.Repeat("x", 60_000)
	return parallel(ctx, len(from), len(from), func(ctx context.Context, s int) error {
		stop := context.AfterFunc(ctx, func() { _ = from[s].Close() })
		defer stop()
		for k := range each {
			for v := s; v < len(to); v += len(from) {
				sender := from[(s+k)%len(from)]
				if err := t.got.send(sender, fmt.Appendf(nil, `{"event":"Message","to":%q,"data":%q}`, to[v].details.ID, pad)); err != nil {
					t.got.add("did not send")
				}
			}
		}
		return nil
	})
}

// connectThrough connects an honest pair whose receiver's network can stall.
func (t *trial) connectThrough(ctx context.Context) (p *probe, err error) {
	if t.link, err = newStallingLink(t.srv.addr); err != nil {
		return nil, err
	}
	p = new(probe)
	if p.from, err = t.dial(ctx, honestIP(insideIP)); err != nil {
		return nil, err
	}
	if p.to, err = t.dialUnread(ctx, t.link.addr(), net.IPv4(127, 0, 0, 1)); err != nil {
		return nil, err
	}
	p.to.Start()
	p.listen()
	return p, nil
}

// stallTime is how long a network stalls, as one does between two cells.
const stallTime = 3 * time.Second

// stranger sends frames to a peer that has nothing to do with it, whose network stalls.
func stranger(ctx context.Context, t *trial) error {
	frame := fmt.Appendf(nil, `{"event":"Message","to":%q,"data":%q}`, t.inside.to.details.ID, strings.Repeat("x", 60_000))
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { t.link.stall(ctx, stallTime) })
	return t.sendAtRate(ctx, 200, false, func(int) []byte { return frame })
}

// fullStore fills JetStream with rooms, and tries then what must work all the same: an
// honest member leaves, the attackers leave, and an honest peer makes a room.
func fullStore(ctx context.Context, t *trial) error {
	honest, err := t.dial(ctx, honestIP(checkIP))
	if err != nil {
		return err
	}
	if answer, err := honest.request(ctx, string(proto.CreateRoom), `{"room":"honest"}`); err != nil || answer != string(proto.RoomCreated) {
		return fmt.Errorf("Create_Room while there is space: got %s, error %v", answer, err)
	}
	fill, stop := context.WithTimeout(ctx, t.lasts/2)
	metadata := `"` + strings.Repeat("x", 8100) + `"`
	err = parallel(fill, 40, 8, func(ctx context.Context, i int) error { return t.makeRooms(ctx, i, 64, metadata) })
	stop()
	if err = ignoreEnd(fill, err); err != nil {
		return err
	}
	t.got.noted(t.got.of(string(proto.RoomCreated)), "rooms")
	began := time.Now()
	answer, err := honest.request(ctx, string(proto.LeaveRoom), `{"room":"honest"}`)
	if err != nil {
		answer = "no answer"
	}
	t.after = append(t.after, fmt.Sprintf("Leave_Room: %s after %v", answer, time.Since(began).Round(time.Millisecond)))
	if answer != string(proto.RoomLeft) {
		t.fault("an honest member could not leave a room while the store was full: %s", answer)
	}
	t.goodbye(attackerIP)
	return nil
}

// goodbye closes the connections from an address, so that their peers leave at once.
func (t *trial) goodbye(ip net.IP) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.conns {
		if t.ips[i].Equal(ip) {
			_ = c.Write(load.AppendFrame(nil, load.OpClose, []byte{1000 >> 8, 1000 & 0xff})) // the server may have closed it
		}
	}
}
