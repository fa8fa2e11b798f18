package crowd_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/crowd"
	"p2pconnector/proto"
)

func TestMain(m *testing.M) { kit.Main(m) }

// TestTear_MemberComesBackElsewhere_MissesNothing: a member whose connection breaks gets
// the posts of that time when it is back, and nobody sees it leave.
func TestTear_MemberComesBackElsewhere_MissesNothing(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	var addrs []string
	for i := range 2 {
		addrs = append(addrs, strings.Trim(strings.TrimPrefix(s.URL(i), "ws:"), "/"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	const n = 4
	cr, err := crowd.Dial(ctx, crowd.Config{Addrs: addrs, N: n, Room: func(int) proto.RoomID { return "crowd" }})
	if err != nil {
		t.Fatal(err)
	}
	defer cr.Close()
	posting, stop := context.WithCancel(ctx)
	defer stop()
	sent := make(chan int, 1)
	go func() {
		n, err := cr.Send(posting, 0, time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		sent <- n
	}()
	for _, m := range cr.Members()[1:] {
		m.Tear()
	}
	await := func(what string, done func() bool) {
		t.Helper()
		if err := cr.Await(ctx, done); err != nil {
			t.Fatalf("waiting for %s: %v; got %+v", what, err, cr.Report().Absences)
		}
	}
	await("all to come back", func() bool { return len(cr.Report().Absences) == n-1 && cr.Connected() == n })
	stop()
	want := <-sent * (n - 1)
	await("all posts", func() bool { return cr.Report().Received >= want })
	r := cr.Report()
	if r.Received != want || r.Duplicates != 0 || r.Left != 0 || r.Fresh != 0 || r.Unrecovered != 0 || r.Ended != 0 {
		t.Errorf("received %d, twice %d, left %d, fresh %d, not recovered %d, ended %d; want %d received and nothing else",
			r.Received, r.Duplicates, r.Left, r.Fresh, r.Unrecovered, r.Ended, want)
	}
	for _, a := range r.Absences {
		if a.For <= 0 || a.Announced != 0 {
			t.Errorf("got the absence %+v, want some time that nobody announced", a)
		}
	}
}

// TestDial_JoinRefused_SaysWhy: of the last clients too.
func TestDial_JoinRefused_SaysWhy(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	addr := strings.Trim(strings.TrimPrefix(s.URL(0), "ws:"), "/")
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	_, err := crowd.Dial(ctx, crowd.Config{Addrs: []string{addr}, N: 3, Room: func(int) proto.RoomID { return "" }})
	if err == nil || !strings.Contains(err.Error(), "Missing_Fields") {
		t.Errorf("got error %v, want that of a join without a room", err)
	}
}
