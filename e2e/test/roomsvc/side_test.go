package roomsvc_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

func TestList_ManyRooms_HasThemAll(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 1, roomsvc.Config{})
	a := newRequester(t, s)
	if r := a.must(bus.OpList, bus.Request{}); len(r.Page) != 0 || r.Next != "" {
		t.Errorf("without rooms: got %+v, want an empty page", r)
	}
	want := make(map[proto.RoomID]bool)
	var replies []<-chan *bus.Reply
	for i := range 57 {
		id := proto.RoomID(fmt.Sprint("room ", i))
		want[id] = true
		replies = append(replies, a.send(bus.OpCreate, bus.Request{Room: id, Peer: a.peer()}))
	}
	collect(t, replies)
	a.must(bus.OpEnd, bus.Request{Room: "room 13"})
	delete(want, "room 13")
	var cursor string
	var keys []string
	for pages := 1; ; pages++ {
		r := a.must(bus.OpList, bus.Request{After: cursor, Limit: 14})
		for _, row := range r.Page {
			if !want[row.Room] || row.Members != 1 || row.Revision == 0 {
				t.Errorf("got row %+v, want a listed room with one member", row)
			}
			delete(want, row.Room)
			keys = append(keys, bus.RoomToken(row.Room))
		}
		if cursor = r.Next; cursor == "" {
			if pages != 4 {
				t.Errorf("got %d pages, want 4", pages)
			}
			break
		}
	}
	if len(want) != 0 || !slices.IsSorted(keys) {
		t.Errorf("got rooms with the keys %q, want them sorted, and %v too", keys, want)
	}
	if r := a.ask(bus.OpList, bus.Request{Limit: bus.MaxPage + 1}); code(r) != proto.InvalidMessage {
		t.Errorf("large page: got %+v, want %s", r, proto.InvalidMessage)
	}
}

func TestSync_EachRevision_IsComparedRightly(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	have := map[proto.RoomID]uint64{"nowhere": 3}
	for i := range 300 {
		id := proto.RoomID(fmt.Sprint("room ", i))
		have[id] = a.must(bus.OpCreate, bus.Request{Room: id, Peer: a.peer()}).Revision
	}
	a.must(bus.OpJoin, bus.Request{Room: "room 7", Peer: a.peer()})
	a.must(bus.OpEnd, bus.Request{Room: "room 8"})
	r := a.must(bus.OpSync, bus.Request{Rooms: have})
	if want := []proto.RoomID{"nowhere", "room 7", "room 8"}; !reflect.DeepEqual(r.Differ, want) {
		t.Errorf("got rooms that differ %q, want %q", r.Differ, want)
	}
	if r := a.must(bus.OpSync, bus.Request{}); len(r.Differ) != 0 {
		t.Errorf("a sync of no room: got rooms that differ %q, want none", r.Differ)
	}
}

// All gateways receive the same keys, whichever instance makes them.
func TestKeys_SeveralInstances_GetTheSame(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 3, roomsvc.Config{})
	a := newRequester(t, s)
	var replies []<-chan *bus.Reply
	for range 16 {
		replies = append(replies, a.send(bus.OpKeys, bus.Request{}))
	}
	var first *bus.KeySet
	for _, ch := range replies {
		r, err := await(ch, patience)
		if err != nil || r.Error != nil {
			t.Fatalf("got %+v, %v, want keys", r, err)
		}
		if first == nil {
			first = r.Keys
		}
		if len(r.Keys.Keys) != 1 || len(r.Keys.Keys[0].Secret) != 32 || !reflect.DeepEqual(r.Keys, first) {
			t.Errorf("got keys %+v, want one with a secret of 32 bytes, the same in each reply", r.Keys)
		}
	}
}
