package edge_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// TestHandshake_CrowdOfIncomplete_IsBounded: the gateway bounds the connections of each address whose
// headers are incomplete, long before their deadline, and accepts new ones when
// they are gone.
func TestHandshake_CrowdOfIncomplete_IsBounded(t *testing.T) {
	const most, crowd = 64, 200
	e := start(t, func(c *gateway.Config) { c.MaxPerAddress = most })
	ended := make(chan struct{}, crowd)
	var readers sync.WaitGroup
	conns := make([]net.Conn, crowd)
	began := time.Now()
	for i := range conns {
		c, err := net.Dial("tcp", e.addr)
		must(t, err)
		conns[i] = c
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + strings.Repeat("x", 10_000))) // it may be closed already
		readers.Go(func() {
			_, _ = c.Read(make([]byte, 1)) // only its end can arrive
			ended <- struct{}{}
		})
	}
	for range crowd - most {
		<-ended
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a crowd of handshakes: got it open for %v, want at most 4 s", took)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	readers.Wait()
	e.openSoon(t, "/", nil)
}

// TestRoom_ListAboveAnyQueue_IsDelivered: a room's list that is larger than any queue reaches a peer that
// joins and a peer that asks, and closes no connection.
func TestRoom_ListAboveAnyQueue_IsDelivered(t *testing.T) {
	const members = 260
	e := start(t, nil)
	metadata := strings.Repeat("m", proto.MaxMemberMetadata-2)
	var readers sync.WaitGroup
	t.Cleanup(readers.Wait) // after the connections are closed
	var first *client
	for i := range members {
		c := e.open(t, "/", nil)
		b := c.ask(fmt.Sprintf(`{"event":"Join_Room","data":{"room":"r","create":true,"metadata":%q},"id":7}`, metadata))
		if n := bytes.Count(b, []byte(metadata)); n != i+1 {
			t.Fatalf("member %d: got the metadata of %d members in %.200s, want that of %d", i+1, n, b, i+1)
		}
		if i == 0 {
			first = c
			continue
		}
		first.ask(`{"event":"Ping","id":7}`) // it reads, and stays, however slow the machine is
		readers.Go(func() {
			for _, err := c.Next(); err == nil; _, err = c.Next() {
			}
		})
	}
	b := first.ask(`{"event":"Room_Info","data":{"room":"r"},"id":7}`)
	if n := bytes.Count(b, []byte(metadata)); n != members || len(b) <= 256<<10 {
		t.Errorf("Room_Info: got the metadata of %d in %d bytes, want that of all", n, len(b))
	}
}

// ask sends a frame with the correlation id 7 and returns its answer.
func (c *client) ask(text string) []byte {
	c.t.Helper()
	c.send(text)
	for {
		b, err := c.Next()
		must(c.t, err)
		if bytes.HasSuffix(b, []byte(`,"id":7}`)) {
			return b
		}
	}
}
