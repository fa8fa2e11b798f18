package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// maxCalls bounds the connections; further callers are not answered.
const maxCalls = 16

// wire is the data of Offer, Answer and Candidate as connector.js sends it.
type wire struct {
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
	Call        json.RawMessage            `json:"call,omitempty"` // which of the sender's connections
	N           json.RawMessage            `json:"n,omitempty"`    // which of its offers
	Re          json.RawMessage            `json:"re,omitempty"`   // the n that an answer is for
	Bye         bool                       `json:"bye,omitempty"`
}

// calls holds the connections, by peer. Its methods must be called by one
// goroutine.
type calls struct {
	c   *client.Client
	log *slog.Logger
	api *webrtc.API
	all map[proto.PeerID]*call
}

type call struct {
	pc   *webrtc.PeerConnection
	name json.RawMessage // the caller's
}

func newCalls(c *client.Client, log *slog.Logger) *calls {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true) // so that it works on a machine without a network
	return &calls{c: c, log: log, api: webrtc.NewAPI(webrtc.WithSettingEngine(s)), all: map[proto.PeerID]*call{}}
}

// frame handles the frames of calls and ignores the rest.
func (cs *calls) frame(ctx context.Context, f client.Frame) error {
	if f.Is(proto.ClientRemoved) {
		return cs.left(f)
	}
	if f.From == "" || f.Event != string(proto.Offer) && f.Event != string(proto.Candidate) {
		return nil
	}
	var s wire
	if err := json.Unmarshal(f.Data, &s); err != nil {
		return fmt.Errorf("data of %s: %w", f.Event, err)
	}
	known := cs.all[f.From]
	switch {
	case f.Event == string(proto.Offer) && s.Description != nil:
		return cs.offer(ctx, f.From, s)
	case known == nil || !bytes.Equal(known.name, s.Call):
		return nil // of a connection that has ended
	case s.Bye:
		return cs.end(f.From)
	case s.Candidate != nil:
		return known.pc.AddICECandidate(*s.Candidate)
	}
	return nil
}

// offer answers an offer, of a new caller or for an existing connection.
func (cs *calls) offer(ctx context.Context, from proto.PeerID, s wire) error {
	if known := cs.all[from]; known != nil && !bytes.Equal(known.name, s.Call) {
		if err := cs.end(from); err != nil {
			return err
		}
	}
	known := cs.all[from]
	if known == nil {
		pc, err := cs.connection(ctx, from)
		if err != nil {
			return err
		}
		known = &call{pc: pc, name: s.Call}
		cs.all[from] = known
	}
	if err := known.pc.SetRemoteDescription(*s.Description); err != nil {
		return fmt.Errorf("their offer: %w", err)
	}
	answer, err := known.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if err := known.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return cs.c.Answer(ctx, from, wire{Description: known.pc.LocalDescription(), Re: s.N})
}

// connection makes a connection whose data channel echoes what it receives.
func (cs *calls) connection(ctx context.Context, from proto.PeerID) (*webrtc.PeerConnection, error) {
	if len(cs.all) >= maxCalls {
		return nil, fmt.Errorf("more than %d callers", maxCalls)
	}
	pc, err := cs.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	negotiated, id := true, uint16(0) // as connector.js has its default channel
	channel, err := pc.CreateDataChannel("p2p", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data channel: %w", err), pc.Close())
	}
	channel.OnOpen(func() { cs.log.Info("connected", "peer", from) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var err error
		if m.IsString {
			err = channel.SendText(string(m.Data))
		} else {
			err = channel.Send(m.Data)
		}
		if err != nil {
			cs.log.Warn("no echo", "peer", from, "err", err)
		}
	})
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return
		}
		init := candidate.ToJSON()
		if err := cs.c.Candidate(ctx, from, wire{Candidate: &init}); err != nil {
			cs.log.Warn("a candidate was not sent", "peer", from, "err", err)
		}
	})
	return pc, nil
}

// left ends the connections of peers that left the room.
func (cs *calls) left(f client.Frame) error {
	d, err := f.RoomData()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range d.Removed {
		errs = append(errs, cs.end(id))
	}
	return errors.Join(errs...)
}

func (cs *calls) end(id proto.PeerID) error {
	known := cs.all[id]
	if known == nil {
		return nil
	}
	delete(cs.all, id)
	cs.log.Info("ended", "peer", id)
	return known.pc.Close()
}

func (cs *calls) close() {
	for id := range cs.all {
		if err := cs.end(id); err != nil {
			cs.log.Warn("closing", "peer", id, "err", err)
		}
	}
}
