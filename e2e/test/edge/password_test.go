package edge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// TestRoomPasswords_OneAddressGuesses_OthersJoin bounds the passwords of one client, and the
// wrong ones of one address, whatever the number of its connections.
func TestRoomPasswords_OneAddressGuesses_OthersJoin(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.TrustedProxies, c.RoomPasswords = "127.0.0.0/8", 1 })
	owner := e.open(t, "/", behindProxy("192.0.2.1"))
	owner.send(`{"event":"Create_Room","data":{"room":"tea","password":"leaf"}}`)
	owner.expect(string(proto.RoomCreated))
	limited := ""
	for i := 0; i < 200 && !strings.Contains(limited, "of your address"); i++ {
		c := e.open(t, "/", behindProxy(fmt.Sprintf("2001:db8:1:2::%x", i+1))) // one /64 is one client
		limited = c.rateLimited(fmt.Sprintf(`{"event":"Join_Room","data":{"room":"tea","password":"guess %d"}}`, i), string(proto.WrongPassword))
	}
	if !strings.Contains(limited, "of your address") {
		t.Errorf("wrong passwords of one address: got none of 200 refused, want most; the last answer is %q", limited)
	}
	other := e.open(t, "/", behindProxy("198.51.100.1"))
	other.send(`{"event":"Join_Room","data":{"room":"tea","password":"leaf"}}`)
	other.expect(string(proto.ClientAdded))
	own := func(step func() string) { // passwords that are right cost as much
		t.Helper()
		limited := ""
		for i := 0; i < 200 && limited == ""; i++ {
			limited = step()
		}
		if !strings.Contains(limited, "1 a second from a client") {
			t.Errorf("passwords of one client: got %q, want most of 200 refused with the rate", limited)
		}
	}
	own(func() string {
		other.send(`{"event":"Leave_Room","data":{"room":"tea"}}`)
		other.expect(string(proto.RoomLeft))
		return other.rateLimited(`{"event":"Join_Room","data":{"room":"tea","password":"leaf"}}`, string(proto.ClientAdded))
	})
	own(func() string {
		return owner.rateLimited(`{"event":"Update_Room","data":{"room":"tea","password":"leaf"}}`, string(proto.RoomUpdated))
	})
}

// rateLimited sends a frame and returns the text of Rate_Limited, or "" when the answer is
// otherwise.
func (c *client) rateLimited(text, otherwise string) string {
	c.t.Helper()
	c.send(text)
	for {
		f := c.next()
		switch f.Event {
		case otherwise:
			return ""
		case string(proto.RateLimited):
			var d proto.ErrorData
			must(c.t, json.Unmarshal(f.Data, &d))
			if d.RetryAfterMS < 1 {
				c.t.Errorf("got %s, want retry_after_ms", f.Data)
			}
			return d.Message
		case string(proto.WrongPassword), string(proto.RoomUpdated):
			c.t.Fatalf("got %s, want %s or %s", f.Event, otherwise, proto.RateLimited)
		}
	}
}
