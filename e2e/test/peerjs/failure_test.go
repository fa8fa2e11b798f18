package peerjs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/text"
	"p2pconnector/proto/bus"
)

// reconnect connects until it gets OPEN, as an application does that calls reconnect() in
// disconnected: at once, and to the gateways in turn.
func reconnect(t *testing.T, s *kit.Stack, id, token string, gateways ...int) *client {
	t.Helper()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); {
		for _, i := range gateways {
			ws, err := text.Open(s.URL(i) + "peerjs?" + query("peerjs", id, token))
			if err != nil {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
			_, b, err := ws.Read(ctx)
			cancel()
			ws.CloseNow()
			if err == nil && string(b) == openText {
				return dial(t, s, i, id, token)
			}
		}
	}
	t.Fatalf("%s: got no OPEN in %v", id, kit.Patience)
	return nil
}

// TestGatewayKilled_SameToken_KeepsTheID: the clients of a gateway that dies keep their ids at
// another one, and others call them there.
func TestGatewayKilled_SameToken_KeepsTheID(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true, Grace: time.Second})
	ann, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "ben", "2")
	ann.Send(`{"type":"OFFER","payload":1,"dst":"ben"}`)
	ben.Expect(offer("ann", "ben", "1"))
	s.KillGateway(t, 1)
	ben = reconnect(t, s, "ben", "2", 1, 0)
	ann.Send(`{"type":"OFFER","payload":2,"dst":"ben"}`)
	ben.Expect(offer("ann", "ben", "2"))
	ben.Send(`{"type":"ANSWER","payload":3,"dst":"ann"}`)
	ann.Expect(message("ANSWER", "ben", "ann", "3"))
}

// TestGatewayKilled_AnotherToken_GetsTheID: an id whose gateway is dead is free.
func TestGatewayKilled_AnotherToken_GetsTheID(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true, Grace: time.Second})
	dial(t, s, 1, "ben", "2")
	s.KillGateway(t, 1)
	reconnect(t, s, "ben", "another", 0)
}

// TestGatewayFrozen_AnotherTokenTookTheID_FormerIsClosed: a gateway that others considered dead
// compares its clients' ids with the directory when it goes on.
func TestGatewayFrozen_AnotherTokenTookTheID_FormerIsClosed(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true, Grace: time.Second})
	former := dial(t, s, 1, "ben", "2")
	s.PauseGateway(t, 1, true)
	ben := reconnect(t, s, "ben", "another", 0)
	s.PauseGateway(t, 1, false)
	former.expectClosed()
	ben.answers()
}

// TestDrain_ClientReconnects_GetsTheFrames: a frame that finds its receiver's
// connection closed waits, and goes to where the receiver comes back.
func TestDrain_ClientReconnects_GetsTheFrames(t *testing.T) {
	s := kit.Start(t, kit.Options{Drain: 10 * time.Second})
	ann, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "ben", "2")
	ann.Send(`{"type":"OFFER","payload":1,"dst":"ben"}`)
	ben.Expect(offer("ann", "ben", "1"))
	wait := s.DrainGateway(t, 1)
	if text, ok := ben.Next(); ok {
		t.Fatalf("drained: got %s, want the end", text)
	}
	ann.Send(`{"type":"OFFER","payload":2,"dst":"ben"}`)
	ben = dial(t, s, 0, "ben", "2")
	ben.Expect(offer("ann", "ben", "2"))
	wait()
}

// TestClosedGateway_ClientsReconnectAtOnce_AreHeld: ten clients that connect again as soon as
// their connection has ended make less than one attempt a second each.
func TestClosedGateway_ClientsReconnectAtOnce_AreHeld(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	dial(t, s, 0, "ann", "1")
	s.NATS(0).Stop()
	var attempts, failed atomic.Int64
	var wg sync.WaitGroup
	const clients, attemptsOfEach = 10, 3
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for range attemptsOfEach {
				attempts.Add(1)
				ws, err := text.Open(s.URL(0) + "peerjs?" + query("peerjs", "x", "1"))
				if err != nil {
					failed.Add(1)
					continue
				}
				ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
				ws.Read(ctx) //nolint:errcheck // it ends with the connection
				cancel()
				ws.CloseNow()
			}
		})
	}
	wg.Wait()
	rate := float64(attempts.Load()) / clients / time.Since(began).Seconds()
	if rate >= 1 || failed.Load() > 0 {
		t.Errorf("got %.2f attempts a second of each client, %d refused over HTTP, want less than 1 and none", rate, failed.Load())
	}
}

// TestNATSAway_ClientsOfOneGateway_GoOn: clients that are connected call each other while NATS
// is away, and others again when it is back.
func TestNATSAway_ClientsOfOneGateway_GoOn(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben, cid := dial(t, s, 0, "ann", "1"), dial(t, s, 0, "ben", "2"), dial(t, s, 1, "cid", "3")
	s.NATS(0).Stop()
	for n := range 10 {
		ann.Send(`{"type":"CANDIDATE","payload":%d,"dst":"ben"}`, n)
		ben.Expect(message("CANDIDATE", "ann", "ben", fmt.Sprint(n)))
	}
	ann.Send(`{"type":"OFFER","payload":{},"dst":"cid"}`)
	ann.Expect(expired("ann", "cid"))
	if err := s.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
	for { // the gateways connect again
		ann.Send(`{"type":"OFFER","payload":1,"dst":"cid"}`)
		select {
		case text := <-cid.Texts():
			if want := offer("ann", "cid", "1"); text != want {
				t.Fatalf("got %s, want %s", text, want)
			}
			return
		case text := <-ann.Texts():
			if want := expired("ann", "cid"); text != want {
				t.Fatalf("got %s, want %s", text, want)
			}
		}
	}
}

// TestLastGatewayEnds_ClientsWereConnected_IDsAreFree: nobody waits for clients that could
// return nowhere, whether the drain closes them or they are away when it begins.
func TestLastGatewayEnds_ClientsWereConnected_IDsAreFree(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, Ops: true, Grace: kit.Patience})
	nc := s.Connect(t)
	ben := dial(t, s, 0, "ben", "2")
	breakSocket(t, s, 0, ben)
	dial(t, s, 0, "ann", "1")
	s.StopGateway(t, 0)
	for end := time.Now().Add(2 * bus.LeaseInterval); ; { // only then do the room services give back the ids of a gateway that has ended
		m, err := nc.Request(bus.NamesSubject(bus.NameList), []byte(`{"namespace":"peerjs"}`), kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		var r bus.NameReply
		if err := json.Unmarshal(m.Data, &r); err != nil || r.Error != nil {
			t.Fatalf("got %s (%v), want a list", m.Data, err)
		}
		if len(r.Names) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got names %q, want none", r.Names)
		}
	}
}
