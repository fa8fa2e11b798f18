package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func isCaller(info proto.MemberInfo) bool {
	var m map[string]any
	return json.Unmarshal(info.Metadata, &m) == nil && m["p2p"] == caller["p2p"]
}

// frame handles a frame that arrives before the channel is open.
func (m *meeting) frame(ctx context.Context, f client.Frame) error {
	if r, ok := f.Resumed(); ok {
		if r.Same {
			return nil
		}
		return m.join(ctx)
	}
	if f.From != "" {
		return m.signal(ctx, f)
	}
	switch {
	case f.Is(proto.RoomDeleted):
		return fmt.Errorf("room %s was ended before the other side came: use another room name", proto.Quote(string(m.room)))
	case f.Is(proto.ClientAdded), f.Is(proto.ClientRemoved):
	default: // an error among them: when the partner has gone, the room reports it too
		return nil
	}
	d, err := f.RoomData()
	if err != nil {
		return err
	}
	if d.Room != m.room {
		return nil
	}
	if slices.Contains(d.Removed, m.me) {
		return fmt.Errorf("this peer was taken out of room %s by its creator or a moderator: use another room name", proto.Quote(string(m.room)))
	}
	m.note(d)
	return m.arrange(ctx)
}

// arrange finds the partner, and offers to a partner that was here before us.
func (m *meeting) arrange(ctx context.Context) error {
	partner := proto.PeerID("")
	first := len(m.callers) > 0 && m.callers[0] == m.me
	if len(m.callers) > 1 {
		partner = m.callers[0]
		if first {
			partner = m.callers[1]
		}
	}
	if partner == m.partner && partner != "" {
		return nil
	}
	if m.partner != "" {
		m.printf("the other side left before the connection stood")
	}
	m.drop()
	m.partner = partner
	if partner == "" {
		m.printf("waiting for the other side: run p2p call %s there", m.room)
		return nil
	}
	m.printf("connecting to %s", partner)
	if !first {
		return m.offer(ctx)
	}
	held := m.held
	m.held = nil
	for _, f := range held {
		if err := m.signal(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets the partner.
func (m *meeting) drop() {
	m.partner, m.tries = "", 0
	m.again.Stop()
	if m.k != nil {
		m.k.end()
		m.k = nil
	}
}

// offer makes a new offer, because an offer or its answer may have been lost.
func (m *meeting) offer(ctx context.Context) error {
	if m.tries++; m.tries > maxTries {
		return fmt.Errorf("peer %s is in room %s, but does not answer: end it, or use another room name", m.partner, proto.Quote(string(m.room)))
	}
	if err := m.connect(ctx); err != nil {
		return err
	}
	m.again.Reset(m.wait)
	return m.k.offer()
}

// connect prepares a new connection to the partner in place of the previous one.
func (m *meeting) connect(ctx context.Context) (err error) {
	if m.k != nil {
		m.k.end()
	}
	m.k, err = connect(ctx, m.api, m.c, m.partner)
	return err
}

// signal handles a signal of another peer.
func (m *meeting) signal(ctx context.Context, f client.Frame) error {
	if f.From != m.partner {
		if !slices.Contains(m.callers, f.From) && len(m.held) < maxHeld {
			m.held = append(m.held, f)
		}
		return nil
	}
	switch f.Event {
	case string(proto.Offer):
		if m.callers[0] != m.me {
			return nil // we are the side that offers
		}
		if err := m.connect(ctx); err != nil {
			return err
		}
	case string(proto.Answer), string(proto.Candidate):
	default:
		return nil
	}
	if m.k == nil {
		return nil
	}
	if err := m.k.handle(f); err != nil {
		return fmt.Errorf("the other side sent a signal that cannot be used: %w", err)
	}
	if m.k.pc.RemoteDescription() != nil {
		m.again.Stop() // the offer was answered
	}
	return nil
}
