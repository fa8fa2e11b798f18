package socket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// refuseTest refuses a handshake over a pipe. It returns the client's end, what it read up
// to the close frame, and a channel that is closed at the end of the refusal.
func refuseTest(t *testing.T, table *Refusals) (client net.Conn, got string, done chan struct{}) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	done = make(chan struct{})
	go func() {
		defer close(done)
		w, r := sockettest.Handshake(server)
		s, err := table.Accept(w, netip.MustParseAddr("203.0.113.7"))
		if err != nil {
			t.Error(err)
			return
		}
		s.Refuse(r, "", []byte("the reason"), proto.CloseTryAgain, "later")
	}()
	b := make([]byte, 4096)
	n, err := client.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return client, string(b[:n]), done
}

// TestRefuse_ClientNeverCloses_EndsAtItsDeadline bounds the cost of a client that goes
// on sending, or sends nothing.
func TestRefuse_ClientNeverCloses_EndsAtItsDeadline(t *testing.T) {
	for _, talks := range []bool{false, true} {
		t.Run(fmt.Sprintf("talks=%v", talks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := NewRefusals(DefaultRefused)
				began := time.Now()
				client, got, done := refuseTest(t, table)
				if want := "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; !strings.Contains(got, want) || !strings.Contains(got, "the reason") {
					t.Errorf("got %q, want the accept key %s and the reason", got, want)
				}
				sent := 0
				for talks {
					n, err := client.Write(make([]byte, 1024))
					if sent += n; err != nil {
						break
					}
				}
				<-done
				if took := time.Since(began); !talks && took != refusedTimeout {
					t.Errorf("open for: got %v, want %v", took, refusedTimeout)
				}
				if sent > refusedBytes+1024 {
					t.Errorf("bytes read from the client: got %d, want at most %d", sent, refusedBytes)
				}
				if n := table.Len(); n != 0 {
					t.Errorf("refused WebSockets left: got %d, want 0", n)
				}
			})
		})
	}
}

// TestShutdown_RefusedWebSockets_AreClosedAtOnce: no refused WebSocket outlives the gateway,
// and none is accepted after Shutdown.
func TestShutdown_RefusedWebSockets_AreClosedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewRefusals(DefaultRefused)
		began := time.Now()
		client, _, done := refuseTest(t, table)
		table.Shutdown()
		if _, err := io.ReadAll(client); err != nil {
			t.Errorf("the client's end: got %v, want the end of the connection", err)
		}
		if <-done; time.Since(began) != 0 {
			t.Errorf("open for: got %v, want 0s", time.Since(began))
		}
		w, _ := sockettest.Handshake(sockettest.NewNet(false))
		if _, err := table.Accept(w, netip.MustParseAddr("203.0.113.8")); !errors.Is(err, ErrTooManyRefused) {
			t.Errorf("after Shutdown: got %v, want %v", err, ErrTooManyRefused)
		}
	})
}

// TestAccept_Full_LeavesPlacesToOtherAddresses: an address has a few places, all addresses
// together have a bound, and addresses that are gone leave no entry.
func TestAccept_Full_LeavesPlacesToOtherAddresses(t *testing.T) {
	const most, mostAddr = 992, 31
	table := NewRefusals(most)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, byte(113 + i/256), byte(i)}) }
	var all []*Refused
	for i := range most / mostAddr {
		for n := range mostAddr + 1 {
			s, ok := table.enter(addr(i))
			if want := n < mostAddr; ok != want {
				t.Fatalf("address %d, socket %d: got a place %v, want %v", i, n+1, ok, want)
			}
			if ok {
				all = append(all, s)
			}
		}
	}
	if _, ok := table.enter(addr(1000)); ok {
		t.Errorf("with %d open: got a place, want none", table.Len())
	}
	for _, s := range all {
		table.leave(s)
	}
	if table.Len() != 0 || len(table.addrs) != 0 {
		t.Errorf("left behind: got %d sockets of %d addresses, want none", table.Len(), len(table.addrs))
	}
}

// TestHolds_OneAddress_TakesSomeOfThem: there are four times as many as of refused ones, and one
// address can be held in a sixteenth of the places.
func TestHolds_OneAddress_TakesSomeOfThem(t *testing.T) {
	h := NewHolds(60)
	for address := range 16 {
		addr := netip.AddrFrom4([4]byte{203, 0, 113, byte(address)})
		for n := range 16 {
			if _, ok := h.enter(addr); ok != (n < 15) {
				t.Fatalf("connection %d of address %d: got a place %t, want %t", n+1, address, ok, n < 15)
			}
		}
	}
	if _, ok := h.enter(netip.MustParseAddr("203.0.113.99")); ok {
		t.Errorf("with %d held: got a place, want none", h.Len())
	}
}
