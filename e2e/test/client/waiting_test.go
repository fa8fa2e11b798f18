package client_test

import (
	"context"
	"errors"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

var locked = client.RoomOptions{Locked: true}

func TestJoin_AskAndAdmitted_ReturnsTheRoom(t *testing.T) {
	host, peer := meeting(t, locked)
	j := ask(t, peer)
	waits(t, host, peer.ID())
	d, err := host.Info(t.Context(), room)
	if err != nil || len(d.Waiting) != 1 || string(d.Waiting[0].Metadata) != `{"name":"Ben"}` {
		t.Errorf("got %+v, %v, want one peer waiting, with its metadata", d.Waiting, err)
	}
	if d, err := host.Admit(t.Context(), room, peer.ID()); err != nil || len(d.Clients) != 2 {
		t.Errorf("got %+v, %v from Admit, want two members", d, err)
	}
	j.joins(host.ID(), peer.ID())
	waits(t, host)
	if err := host.Message(t.Context(), peer.ID(), "welcome"); err != nil {
		t.Fatal(err)
	}
	if f, err := peer.Next(t.Context()); err != nil || f.Event != string(proto.Message) { // Join has taken Client_Added
		t.Errorf("got %s, %v, want the message", f.Raw, err)
	}
}

func TestJoin_AskWhereTheRoomIsOpen_Joins(t *testing.T) {
	host, peer := meeting(t, client.RoomOptions{})
	if d, err := peer.Join(t.Context(), room, client.JoinOptions{Ask: true}); err != nil || len(d.Clients) != 2 {
		t.Errorf("got %+v, %v, want two members, %s and %s", d, err, host.ID(), peer.ID())
	}
}

func TestJoin_AskAndRoomUnlocked_ReturnsTheRoom(t *testing.T) {
	host, peer := meeting(t, locked)
	j := ask(t, peer)
	if _, err := host.Update(t.Context(), room, client.RoomUpdate{Locked: new(false)}); err != nil {
		t.Fatal(err)
	}
	j.joins(host.ID(), peer.ID())
}

func TestJoin_AskAndNotAdmitted_ReturnsTheError(t *testing.T) {
	host, peer := meeting(t, locked)
	j := ask(t, peer)
	waits(t, host, peer.ID())
	if d, err := host.Remove(t.Context(), room, peer.ID()); err != nil || d.Room != room || d.Waiting == nil || len(d.Waiting) != 0 {
		t.Errorf("got %+v, %v from Remove, want the room with nobody waiting", d, err)
	}
	j.fails(proto.Refused)

	j = ask(t, peer) // a refused peer may ask again
	if _, err := host.End(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	j.fails(proto.NotFound)

	create(t, host, locked)
	j = ask(t, peer)
	if d, err := host.Ban(t.Context(), room, peer.ID()); err != nil {
		t.Errorf("got %+v, %v from Ban, want no error", d, err)
	}
	j.fails(proto.Banned)
	if _, err := peer.Join(t.Context(), room, client.JoinOptions{Ask: true}); client.Code(err) != proto.Banned {
		t.Errorf("got %v, want the error %s", err, proto.Banned)
	}
}

func TestJoin_AskAndContextEnds_Withdraws(t *testing.T) {
	host, peer := meeting(t, locked)
	j := ask(t, peer)
	waits(t, host, peer.ID())
	j.cancel()
	if r := <-j.result; !errors.Is(r.err, context.Canceled) {
		t.Errorf("got %v, want %v", r.err, context.Canceled)
	}
	waits(t, host)
	if _, err := host.Admit(t.Context(), room, peer.ID()); client.Code(err) != proto.NotFound {
		t.Errorf("got %v from Admit, want the error %s", err, proto.NotFound)
	}
}

func TestJoin_AskAndConnectionBreaks_StillWaits(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	var cable kit.Cable
	host, peer := s.Client(t, 0, client.Options{}), s.Client(t, 1, client.Options{Dial: cable.Dial})
	create(t, host, locked)
	j := ask(t, peer)
	cable.Cut()
	f := until(t, peer, proto.ClientDetails)
	if r, ok := f.Resumed(); !ok || !r.Same || !r.Recovered {
		t.Fatalf("got %s, want the same session and no loss", f.Raw)
	}
	if _, err := host.Admit(t.Context(), room, peer.ID()); err != nil {
		t.Fatal(err)
	}
	j.joins(host.ID(), peer.ID())
}

// A request that is no Join has its answer, and the outcome comes by Frames.
func TestRequest_JoinRoomWithAsk_ReturnsThatThePeerWaits(t *testing.T) {
	host, peer := meeting(t, locked)
	f, err := peer.Request(t.Context(), client.Out{Event: proto.JoinRoom, Data: map[string]any{"room": room, "ask": true}})
	if err != nil || !f.Is(proto.JoinWaiting) {
		t.Fatalf("got %s, %v, want %s", f.Raw, err, proto.JoinWaiting)
	}
	if _, err := host.Admit(t.Context(), room, peer.ID()); err != nil {
		t.Fatal(err)
	}
	until(t, peer, proto.ClientAdded)
}
