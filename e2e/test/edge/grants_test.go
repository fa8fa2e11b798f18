package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

func grants(rooms, can []string) jwt.MapClaims {
	p2p := map[string]any{}
	if rooms != nil {
		p2p["rooms"] = rooms
	}
	if can != nil {
		p2p["can"] = can
	}
	return jwt.MapClaims{"p2p": p2p}
}

// TestGrants_EachAction_NeedsItsGrant: what each value of p2p.can permits.
func TestGrants_EachAction_NeedsItsGrant(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	boss := e.open(t, "/", bearer(s.token(t, nil)))
	boss.send(`{"event":"Create_Room","data":{"room":"there"}}`)
	boss.expect(string(proto.RoomCreated))
	for i, c := range []struct {
		can  []string
		want string // of create, join, join with create, message, remove, update, end: the operations that work
	}{
		{nil, "create join make message remove update end"},
		{[]string{}, ""},
		{[]string{"create", "join", "message", "remove", "end", "update"}, "create join make message remove update end"},
		{[]string{"create", "join", "message", "remove"}, "create join make message remove"},
		{[]string{"create", "update"}, "create update"},
		{[]string{"create", "end"}, "create end"},
		{[]string{"create"}, "create"},
		{[]string{"create", "join"}, "create join make"},
		{[]string{"join"}, "join"},
		{[]string{"message"}, "message"},
		{[]string{"create", "remove"}, "create remove"},
		{[]string{"Create", "everything", ""}, ""},
	} {
		t.Run(strings.Join(c.can, "+"), func(t *testing.T) {
			m := e.open(t, "/", bearer(s.token(t, grants(nil, c.can))))
			try := func(what, text string) {
				t.Helper()
				m.send(text)
				f := m.next()
				if what == "message" && f.Event == string(proto.NotFound) || f.Event == string(proto.NotFound) && what == "remove" {
					f.Event = "allowed"
				}
				if allowed := f.Event != string(proto.Unauthorised); allowed != strings.Contains(c.want, what) {
					t.Errorf("%s: got %.300s, want it allowed: %v", what, f.raw, !allowed)
				}
			}
			own := fmt.Sprintf("own-%d", i)
			try("create", fmt.Sprintf(`{"event":"Create_Room","data":{"room":%q}}`, own))
			try("join", `{"event":"Join_Room","data":{"room":"there"}}`)
			try("make", fmt.Sprintf(`{"event":"Join_Room","data":{"room":"made-%d","create":true}}`, i))
			stranger := proto.NewPeerID(m.details.ID.Home())
			for _, event := range []string{"Offer", "Answer", "Candidate", "Message"} {
				try("message", fmt.Sprintf(`{"event":%q,"to":%q}`, event, stranger))
			}
			try("message", fmt.Sprintf(`{"event":"Connect","to":%q,"data":{"sdp":"x","candidate":"y"}}`, stranger))
			if strings.Contains(c.want, "create") {
				try("remove", fmt.Sprintf(`{"event":"Remove_Client","data":{"room":%q,"client":%q}}`, own, stranger))
				try("update", fmt.Sprintf(`{"event":"Update_Room","data":{"room":%q,"name":"n"}}`, own))
				try("end", fmt.Sprintf(`{"event":"End_Room","data":{"room":%q}}`, own))
			}
			m.alive()
		})
	}
}

// TestGrants_RoomPatterns_LimitRooms: which rooms a token permits.
func TestGrants_RoomPatterns_LimitRooms(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	for i, c := range []struct {
		patterns []string
		room     string
		ok       bool
	}{
		{[]string{"a-*"}, "a-1", true},
		{[]string{"a-*"}, "a-", true},
		{[]string{"a-*"}, "b-1", false},
		{[]string{"a-*"}, "A-1", false},
		{[]string{"a-*"}, "xa-1", false},
		{[]string{"a-*"}, "a-1/b", false},
		{[]string{"a-*", "b"}, "b", true},
		{[]string{"b"}, "bb", false},
		{[]string{"room-?"}, "room-1", true},
		{[]string{"room-?"}, "room-10", false},
		{[]string{"room-[0-4]"}, "room-3", true},
		{[]string{"room-[0-4]"}, "room-5", false},
		{[]string{"*"}, "anything", true},
		{[]string{}, "anything", false},
		{[]string{""}, "anything", false},
		{[]string{"["}, "[", false}, // a malformed pattern permits nothing
		{[]string{`\*`}, "*", true},
		{[]string{`\*`}, "x", false},
		{[]string{"déjà*"}, "déjà vu", true},
	} {
		t.Run(fmt.Sprintf("%q %q", c.patterns, c.room), func(t *testing.T) {
			m := e.open(t, "/", bearer(s.token(t, grants(c.patterns, nil))))
			m.send(fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q,"create":true},"id":%d}`, c.room, i))
			f := m.next()
			if ok := f.Event == string(proto.ClientAdded); ok != c.ok || !ok && f.Event != string(proto.Unauthorised) {
				t.Errorf("got %.300s, want it allowed: %v", f.raw, c.ok)
			}
		})
	}
}

// TestGrants_RoomOutside_IsUnauthorisedAlways: a peer that may not see a room cannot find out by
// any event whether it exists.
func TestGrants_RoomOutside_IsUnauthorisedAlways(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	boss := e.open(t, "/", bearer(s.token(t, nil)))
	boss.send(`{"event":"Create_Room","data":{"room":"secret-1","locked":true}}`)
	boss.expect(string(proto.RoomCreated))
	spy := e.open(t, "/", bearer(s.token(t, grants([]string{"public-*"}, nil))))
	events := []string{
		`{"event":"Create_Room","data":{"room":%q}}`,
		`{"event":"Join_Room","data":{"room":%q}}`,
		`{"event":"Join_Room","data":{"room":%q,"create":true}}`,
		`{"event":"Leave_Room","data":{"room":%q}}`,
		`{"event":"End_Room","data":{"room":%q}}`,
		`{"event":"Room_Info","data":{"room":%q}}`,
		`{"event":"Update_Room","data":{"room":%q,"name":"n"}}`,
		`{"event":"Update_Member","data":{"room":%q,"metadata":1}}`,
		`{"event":"Unban_Client","data":{"room":%q,"client":"` + string(boss.details.ID) + `"}}`,
		`{"event":"Set_Role","data":{"room":%q,"role":"member","client":"` + string(boss.details.ID) + `"}}`,
		`{"event":"Remove_Client","data":{"room":%q,"client":"` + string(boss.details.ID) + `"}}`,
		`{"event":"Message","room":%q}`,
	}
	for _, text := range events {
		var answers [2]string
		for i, room := range []string{"secret-1", "secret-2"} {
			spy.send(fmt.Sprintf(text, room))
			f := spy.next()
			if f.Type != "error" {
				t.Errorf("%s: got %s, want an error", text, f.raw)
			}
			d := f.data(t)
			answers[i] = strings.ReplaceAll(fmt.Sprintf("%s %+v", f.Event, d), room, "ROOM")
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: got for a room that exists\n%s\nwant the same as for one that does not\n%s", text, answers[0], answers[1])
		}
	}
	boss.alive() // and receives nothing of it
	// Without tokens too, messages to rooms without membership are answered
	// alike.
	plain := start(t, nil)
	owner, other := plain.open(t, "/", nil), plain.open(t, "/", nil)
	owner.send(`{"event":"Create_Room","data":{"room":"secret-1"}}`)
	owner.expect(string(proto.RoomCreated))
	var answers [2]string
	for i, room := range []string{"secret-1", "secret-2"} {
		other.send(fmt.Sprintf(`{"event":"Message","room":%q,"data":1}`, room))
		f := other.next()
		answers[i] = strings.ReplaceAll(fmt.Sprintf("%s %+v", f.Event, f.data(t)), room, "ROOM")
	}
	if answers[0] != answers[1] {
		t.Errorf("Message: got for a room that exists\n%s\nwant the same as for one that does not\n%s", answers[0], answers[1])
	}
}

// TestGrants_Sub_IsShownToMembers: the member's entry shows sub, to others and to the member
// itself, and no client can choose it.
func TestGrants_Sub_IsShownToMembers(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	ann := e.open(t, "/", bearer(s.token(t, nil)))
	bob := e.open(t, "/", bearer(s.token(t, jwt.MapClaims{"sub": "Bob \"B\" <b@example>"})))
	ann.send(`{"event":"Create_Room","data":{"room":"r","user":"root"}}`)
	wantUsers(t, ann.expect(string(proto.RoomCreated)), map[proto.PeerID]string{ann.details.ID: "ann"})
	bob.send(`{"event":"Join_Room","data":{"room":"r","user":"root","metadata":{"user":"root"}}}`)
	both := map[proto.PeerID]string{ann.details.ID: "ann", bob.details.ID: "Bob \"B\" <b@example>"}
	wantUsers(t, bob.expect(string(proto.ClientAdded)), both)
	wantUsers(t, ann.expect(string(proto.ClientAdded)), map[proto.PeerID]string{bob.details.ID: both[bob.details.ID]})
	ann.send(`{"event":"Room_Info","data":{"room":"r"}}`)
	wantUsers(t, ann.expect(string(proto.RoomInfo)), both)
}

func wantUsers(t *testing.T, f frame, want map[proto.PeerID]string) {
	t.Helper()
	d := roomData(t, f)
	if len(d.Members) != len(want) {
		t.Fatalf("got members %+v, want %v", d.Members, want)
	}
	for id, user := range want {
		if d.Members[id].User != user {
			t.Errorf("%s: got user %q, want %q", id, d.Members[id].User, user)
		}
	}
}

// TestResume_TokenOfAnotherUser_IsRefused: a stolen session token does not work for another
// user.
func TestResume_TokenOfAnotherUser_IsRefused(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	ann := e.open(t, "/", bearer(s.token(t, nil)))
	ann.send(`{"event":"Create_Room","data":{"room":"r"}}`)
	ann.expect(string(proto.RoomCreated))
	session := ann.session()
	resume := fmt.Sprintf(`{"event":"Resume","data":{"session":%q},"id":1}`, session)

	thief := e.open(t, "/", bearer(s.token(t, jwt.MapClaims{"sub": "mallory"})))
	thief.send(resume)
	if f := thief.expect(string(proto.Unauthorised)); strings.Contains(string(f.raw), "ann") {
		t.Errorf("got %s, want a refusal that does not name the owner", f.raw)
	}
	thief.alive()
	ann.alive() // ann keeps its connection
	back := e.open(t, "/", bearer(s.token(t, nil)))
	back.send(resume)
	if f := back.expect(string(proto.ClientDetails)); !strings.Contains(string(f.Data), string(ann.details.ID)) {
		t.Errorf("ann's own resume: got %s, want it resumed", f.raw)
	}
	ann.closed(proto.CloseTakenOver)
}
