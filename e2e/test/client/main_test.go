// Package client_test tests what package client says about rooms against real gateways.
package client_test

import (
	"context"
	"slices"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { kit.Main(m) }

const room proto.RoomID = "tea"

// meeting starts two gateways, with the creator of the room on the first and a peer that is
// not in it on the second.
func meeting(t *testing.T, opts client.RoomOptions) (host, peer *client.Client) {
	t.Helper()
	s := kit.Start(t, kit.Options{})
	host, peer = s.Client(t, 0, client.Options{}), s.Client(t, 1, client.Options{})
	create(t, host, opts)
	return host, peer
}

func create(t *testing.T, host *client.Client, opts client.RoomOptions) {
	t.Helper()
	opts.Room = room
	if _, err := host.Create(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
}

// until drops frames of c until the server's own one of that event.
func until(t *testing.T, c *client.Client, e proto.Event) client.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	for {
		f, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("got %v, want %s", err, e)
		}
		if f.Is(e) {
			return f
		}
	}
}

// waits reads the next Waiting_Updated of a creator and checks who waits.
func waits(t *testing.T, host *client.Client, want ...proto.PeerID) {
	t.Helper()
	f := until(t, host, proto.WaitingUpdated)
	d, err := f.RoomData()
	if err != nil {
		t.Fatal(err)
	}
	var got []proto.PeerID
	for _, w := range d.Waiting {
		got = append(got, w.Client)
	}
	if d.Room != room || !slices.Equal(got, want) {
		t.Errorf("got room %q with %v waiting, want %q with %v", d.Room, got, room, want)
	}
}

// joining is a Join in its own goroutine.
type joining struct {
	t      *testing.T
	cancel context.CancelFunc
	result chan result
}

type result struct {
	room proto.RoomData
	err  error
}

// ask begins a Join that waits to be admitted, and returns when it waits.
func ask(t *testing.T, c *client.Client) *joining {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	t.Cleanup(cancel)
	j := &joining{t: t, cancel: cancel, result: make(chan result, 1)}
	go func() {
		d, err := c.Join(ctx, room, client.JoinOptions{Ask: true, Metadata: map[string]string{"name": "Ben"}})
		j.result <- result{d, err}
	}()
	until(t, c, proto.JoinWaiting)
	return j
}

// joins waits until the peer is a member, as the last of those.
func (j *joining) joins(members ...proto.PeerID) {
	j.t.Helper()
	r := <-j.result
	if r.err != nil || !slices.Equal(r.room.Clients, members) || string(r.room.Members[members[len(members)-1]].Metadata) != `{"name":"Ben"}` {
		j.t.Errorf("got %+v, %v from Join, want the members %v with the metadata of the last", r.room, r.err, members)
	}
}

// fails waits for the error with that code.
func (j *joining) fails(want proto.ErrorCode) {
	j.t.Helper()
	if r := <-j.result; client.Code(r.err) != want {
		j.t.Errorf("got %+v, %v from Join, want the error %s", r.room, r.err, want)
	}
}
