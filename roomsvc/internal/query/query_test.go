package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// bucketOf returns a bucket with n rooms, of which every third has ended.
func bucketOf(t *testing.T, n int) (b *kvtest.Fake, live []proto.RoomID) {
	t.Helper()
	b = kvtest.NewFake()
	for i := range n {
		id := proto.RoomID(fmt.Sprint("room ", i))
		value, err := json.Marshal(bus.Room{ID: id, Creator: "c", Members: make([]bus.Member, i)})
		if err != nil {
			t.Fatal(err)
		}
		revision, err := b.Write(t.Context(), bus.RoomToken(id), value, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			if _, err := b.Remove(t.Context(), bus.RoomToken(id), nil, revision); err != nil {
				t.Fatal(err)
			}
			continue
		}
		live = append(live, id)
	}
	return b, live
}

func TestList_PagesOfAllRooms_HaveEachLiveRoomOnce(t *testing.T) {
	b, live := bucketOf(t, 31)
	for _, limit := range []int{1, 7, len(live), bus.MaxPage} {
		var got []proto.RoomID
		req := bus.Request{Limit: limit}
		for pages := 0; ; pages++ {
			r, err := Rooms{b}.List(t.Context(), &req)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Page) > limit || len(r.Page) == 0 || pages > len(live) {
				t.Fatalf("limit %d: got a page of %d rooms, number %d; want 1 to %d rooms", limit, len(r.Page), pages, limit)
			}
			for _, row := range r.Page {
				if want := fmt.Sprint("room ", row.Members); string(row.Room) != want || row.Revision != b.Get(bus.RoomToken(row.Room)).Revision {
					t.Errorf("got %+v, want %s at its revision", row, want)
				}
				got = append(got, row.Room)
			}
			if req.After = r.Next; r.Next == "" {
				break
			}
		}
		slices.Sort(got)
		slices.Sort(live)
		if !slices.Equal(got, live) {
			t.Errorf("limit %d: got %q, want %q", limit, got, live)
		}
	}
	if _, err := (Rooms{b}).List(t.Context(), &bus.Request{Limit: bus.MaxPage + 1}); err == nil {
		t.Errorf("limit %d: got no error, want one", bus.MaxPage+1)
	}
}

// TestSync_MoreRoomsThanARequestNames_IsRefused: 4,096 are compared.
func TestSync_MoreRoomsThanARequestNames_IsRefused(t *testing.T) {
	b, _ := bucketOf(t, 1)
	req := bus.Request{Rooms: make(map[proto.RoomID]uint64)}
	for n := range 4096 {
		req.Rooms[proto.RoomID(fmt.Sprint(n))] = 0
	}
	if _, err := (Rooms{b}).Sync(t.Context(), &req); err != nil {
		t.Errorf("4,096 rooms: got %v, want no error", err)
	}
	req.Rooms["one more"] = 0
	_, err := Rooms{b}.Sync(t.Context(), &req)
	if e, is := errors.AsType[*proto.Error](err); !is || e.Code != proto.InvalidMessage || e.Field != "rooms" {
		t.Errorf("one more: got %v, want Invalid_Message for rooms", err)
	}
}

func TestSync_OlderEqualAndEndedRooms_NamesWhatDiffers(t *testing.T) {
	b, live := bucketOf(t, 3) // room 0 has ended, at revision 2
	at := func(id proto.RoomID) uint64 { return b.Get(bus.RoomToken(id)).Revision }
	r, err := Rooms{b}.Sync(t.Context(), &bus.Request{Rooms: map[proto.RoomID]uint64{
		"room 0": 1, live[0]: at(live[0]), live[1]: at(live[1]) - 1, "never": 0, "vanished": 9,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []proto.RoomID{"room 0", live[1], "vanished"}; !slices.Equal(r.Differ, want) {
		t.Errorf("got %q, want %q", r.Differ, want)
	}
}
