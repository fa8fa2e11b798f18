package session

import (
	"net/netip"
	"testing"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// returner is a translator whose client may come back. It counts its ends.
type returner struct {
	dialect.Plain
	ends int
}

func (*returner) Decode([]byte) {}
func (*returner) Away() bool    { return true }
func (r *returner) End()        { r.ends++ }

// foreign makes a connection of a client of a dialect that may come back.
func (x *testTable) foreign() (*Conn, *returner) {
	c, r := x.conn(sockettest.NewNet(false)), new(returner)
	c.Session.SetDialect("test", r)
	return c, r
}

// TestDetach_ReturnerDuringADrain_WaitsOnlyForAnotherGateway: when this gateway ends, a client
// could return to no other.
func TestDetach_ReturnerDuringADrain_WaitsOnlyForAnotherGateway(t *testing.T) {
	for name, c := range map[string]struct{ draining, alone, waits bool }{
		"no drain":                  {false, true, true},
		"a drain to another":        {true, false, true},
		"a drain without any other": {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTestTable(t)
			x.cfg.Draining = func() bool { return c.draining }
			if !c.alone {
				subject, err := bus.LeaseSubject("0a1b2c3d")
				if err != nil {
					t.Fatal(err)
				}
				x.cfg.Liveness.Receive(natsbus.Message{Subject: subject, Data: frames.Marshal(bus.Lease{})})
			}
			conn, r := x.foreign()
			native := x.conn(sockettest.NewNet(false))
			for _, c := range []*Conn{conn, native} {
				c.End(false, func() socket.Remains { return socket.Remains{} })
				c.Socket.Abort()
			}
			if waits := r.ends == 0; waits != c.waits || x.Get(conn.Session.id) != nil != c.waits {
				t.Errorf("got %d ends, in the table: %v; want waiting %v", r.ends, x.Get(conn.Session.id) != nil, c.waits)
			}
			if !native.Session.attachable() {
				t.Error("a client of our own protocol: got its session ended, want it kept")
			}
		})
	}
}

// TestClose_ClientOfDialectIsAway_EndsOnce: what its translator has in directories is given
// back, and the sender of a frame that waits for it gets an error.
func TestClose_ClientOfDialectIsAway_EndsOnce(t *testing.T) {
	x := newTestTable(t)
	r := new(returner)
	s := x.New(netip.Addr{}, "")
	s.SetDialect("test", r)
	s.phase = away
	x.put(s)
	s.kept.Add(x.cfg.Buffers, x.cfg.Replay, []byte(`{"from":"`+string(proto.NewPeerID(x.cfg.Own))+`"}`))
	x.Close()
	first := r.ends
	s.EndAway()
	if first != 1 || r.ends != 1 {
		t.Errorf("got %d ends, and %d after another end, want 1", first, r.ends)
	}
	if got := x.reported(s.id); len(got) != 1 {
		t.Errorf("got %d frames reported, want the one that waited", len(got))
	}
}
