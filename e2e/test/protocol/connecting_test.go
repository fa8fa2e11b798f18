package protocol_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// The server sends the first frame, on / and on /ws.
func TestClientDetails_EachMember_IsThere(t *testing.T) {
	s := kit.Start(t, kit.Options{MaxMessageBytes: 5000, MaxRooms: 7, MaxRoomMembers: 9})
	seen := map[proto.PeerID]bool{}
	for i := range 2 {
		for _, options := range [][]kit.DialOption{
			nil, {kit.Path("ws")}, {kit.Path("?x=1")}, {kit.Path("?version=2")}, {kit.Path("ws?updates=delta")}, {kit.Delta()},
			{kit.Subprotocols("unknown")}, {kit.Subprotocols("unknown", proto.SubprotocolDelta)},
		} {
			c := s.Dial(t, i, options...)
			if _, err := uuid.Parse(string(c.ID)); err != nil || seen[c.ID] {
				t.Errorf("got id %q (%v), want a new UUID", c.ID, err)
			}
			seen[c.ID] = true
			d := c.Details
			if d.Resumed || d.Session == "" || d.Heartbeat <= 0 || d.Limits.MaxMessageBytes != 5000 || d.Limits.MaxRooms != 7 || d.Limits.MaxRoomMembers != 9 {
				t.Errorf("got details %+v, want the configured limits and a new session", d)
			}
			c.Quiet()
		}
	}
}

// Member names are part of the contract, not only the values that Go reads from
// them.
func TestClientDetails_Names_AreThoseOfTheProtocol(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	conn := s.Dial(t, 0).First
	checkServerFrame(t, conn, proto.TypeInfo)
	if conn.ID != nil {
		t.Errorf("got %s, want no id, because it answers nothing", conn.Raw)
	}
	var data struct {
		ID        *string         `json:"id"`
		Session   *string         `json:"session"`
		Resumed   *bool           `json:"resumed"`
		Heartbeat *int            `json:"heartbeat_seconds"`
		Versions  []int           `json:"versions"`
		Limits    map[string]*int `json:"limits"`
	}
	if err := json.Unmarshal(conn.Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.ID == nil || data.Session == nil || data.Resumed == nil || *data.Resumed || data.Heartbeat == nil {
		t.Errorf("got %s, want id, session, resumed and heartbeat", conn.Raw)
	}
	if !slices.Equal(data.Versions, []int{1}) {
		t.Errorf("got %s, want versions [1]", conn.Raw)
	}
	for _, name := range []string{"max_message_bytes", "messages_per_second", "max_rooms", "max_room_members",
		"max_depth", "max_id_bytes", "max_room_id_bytes", "max_room_name_bytes", "max_metadata_bytes", "max_member_metadata_bytes"} {
		if data.Limits[name] == nil {
			t.Errorf("limits: got no %s in %s, want it there", name, conn.Raw)
		}
	}
}

// A plain GET of / answers the documentation page.
func TestPage_PlainRequest_IsServed(t *testing.T) {
	s := kit.Start(t, kit.Options{RoomServices: 1})
	resp, err := kit.HTTP.Get(s.HTTP(1))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("got %s with type %q, want 200 with text/html", resp.Status, resp.Header.Get("Content-Type"))
	}
	page := string(body)
	for _, d := range proto.ClientEvents {
		if !strings.Contains(page, string(d.Event)) {
			t.Errorf("the page: got no event %s, want it named", d.Event)
		}
	}
	for _, d := range proto.ServerEvents {
		if !strings.Contains(page, string(d.Event)) {
			t.Errorf("the page: got no server's event %s, want it named", d.Event)
		}
	}
	for _, d := range proto.ErrorCodes {
		if !strings.Contains(page, string(d.Code)) {
			t.Errorf("the page: got no error %s, want it named", d.Code)
		}
	}
	for _, d := range proto.CloseCodes {
		if !strings.Contains(page, d.Code.String()) {
			t.Errorf("the page: got no close code %s, want it named", d.Code)
		}
	}
}
