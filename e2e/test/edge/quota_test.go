package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// from is the header of a client behind a proxy.
func from(addr string) http.Header { return http.Header{"X-Forwarded-For": {addr}} }

// create asks for a room, and fails unless the answer carries that event.
func (c *client) create(room, event string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"event":"Create_Room","data":{"room":%q}}`, room))
	c.expect(event)
}

// openSoon dials until the gateway accepts, because it counts a connection until it has
// cleaned up after it.
func (e *edge) openSoon(t *testing.T, path string, h http.Header) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, resp, err := raw.Dial(ctx, e.addr, path, h)
		if err == nil {
			return begin(t, c)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("dial: got %v, want a connection at last", err)
		}
	}
}

// resume resumes a session on a fresh connection.
func (c *client) resume(token string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"event":"Resume","data":{"session":%q}}`, token))
	c.expect(string(proto.ClientDetails))
}

// TestMemberships_AtEachLimit_RefuseOneMore: peers that are away keep their places, and
// other addresses have their own.
func TestMemberships_AtEachLimit_RefuseOneMore(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.TrustedProxies, c.MembershipsPerAddr, c.MaxMemberships, c.SessionGrace = "127.0.0.0/8", 2, 4, time.Minute
	})
	created, refused := string(proto.RoomCreated), string(proto.LimitExceeded)
	a, b, other := e.open(t, "/", from("2001:db8:1:2::1")), e.open(t, "/", from("2001:db8:1:2::2")), e.open(t, "/", from("203.0.113.7"))
	a.create("one", created)
	token := a.session()
	b.create("two", created)
	b.create("three", refused)
	other.create("three", created)
	must(t, a.Close()) // it is away, or will be
	b.create("four", refused)
	b.send(`{"event":"Join_Room","data":{"room":"three"}}`)
	b.expect(refused)
	b.send(`{"event":"Leave_Room","data":{"room":"two"}}`)
	b.expect(string(proto.RoomLeft))
	b.create("four", created)
	b.create("five", refused)
	other.create("five", created)
	third := e.open(t, "/", from("198.51.100.1"))
	third.create("six", refused) // the gateway's limit
	back := e.open(t, "/", from("198.51.100.1"))
	back.resume(token)
	back.send(`{"event":"Leave_Room","data":{"room":"one"}}`)
	back.expect(string(proto.RoomLeft))
	third.create("six", created)
}

// TestMaxPerUser_AtTheEdge_RefusesOneMore: connections, and places in rooms, of one user
// from several addresses.
func TestMaxPerUser_AtTheEdge_RefusesOneMore(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) {
		c.TokenKey, c.MaxPerUser, c.MembershipsPerUser, c.TrustedProxies = keyFile(t, s), 2, 1, "127.0.0.0/8"
	})
	as := func(user string) string { return "/?access_token=" + s.token(t, jwt.MapClaims{"sub": user}) }
	one, two := e.open(t, as("ann"), from("203.0.113.7")), e.open(t, as("ann"), from("203.0.113.8"))
	if resp, _ := e.refused(t, as("ann"), from("203.0.113.9")); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a third connection of the user: got status %d, want %d", resp.StatusCode, http.StatusTooManyRequests)
	}
	ben := e.open(t, as("ben"), from("203.0.113.7"))
	one.create("one", string(proto.RoomCreated))
	two.create("two", string(proto.LimitExceeded))
	ben.create("two", string(proto.RoomCreated))
}

// TestAway_AsManyOfAnAddressAsMayConnect_OthersEnd: all clients of an address can lose their
// connections at once, and come back.
func TestAway_AsManyOfAnAddressAsMayConnect_OthersEnd(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.TrustedProxies, c.MaxPerAddress, c.SessionGrace = "127.0.0.0/8", 2, time.Minute
	})
	addr := from("203.0.113.7")
	a, b := e.open(t, "/", addr), e.open(t, "/", addr)
	must(t, a.Close())
	must(t, b.Close())
	third := e.openSoon(t, "/", addr)
	e.openSoon(t, "/", addr) // so that both connections are known to be gone
	must(t, third.Close())
	watcher := e.open(t, "/", from("198.51.100.1"))
	for f := (frame{}); f.Event != string(proto.NotFound); { // its session ends, because two are away
		watcher.send(fmt.Sprintf(`{"event":"Message","to":%q,"data":1}`, third.details.ID))
		watcher.send(`{"event":"Ping"}`)
		if f = watcher.next(); f.Event != string(proto.Pong) {
			watcher.expect(string(proto.Pong))
		}
	}
	e.openSoon(t, "/", addr).resume(a.details.Session)
}
