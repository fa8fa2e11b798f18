package main

import (
	"encoding/json"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

func TestRoomJoin_Members_ArePrinted(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	p := start(t, s, 0, "room", "join", "tea")
	me := p.id()
	if f := p.frame(); f.Event != string(proto.ClientAdded) { // the room was made
		t.Fatalf("got %+v", f)
	}
	other := s.Dial(t, 1)
	other.Join("tea")
	if f := p.frame(); f.Event != string(proto.ClientAdded) {
		t.Errorf("got %+v", f)
	}
	other.Send(`{"event":"Message","room":"tea","data":"milk"}`)
	if f := p.frame(); f.Event != string(proto.Message) || f.From != string(other.ID) || string(f.Data) != `"milk"` {
		t.Errorf("got %+v", f)
	}
	other.Send(`{"event":"Leave_Room","data":{"room":"tea"}}`)
	if f := p.frame(); f.Event != string(proto.ClientRemoved) {
		t.Errorf("got %+v", f)
	}
	other.Expect(proto.RoomLeft)
	other.Join("tea")
	p.interrupt()
	p.ends(0)
	if d := kit.Room(t, other.Expect(proto.ClientRemoved)); d.Client != me {
		t.Errorf("Ctrl-C did not leave: %+v", d)
	}
}

// A peer whose session has expired prints so and joins the room again.
func TestRoomJoin_SessionLost_JoinsAgain(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	p := start(t, s, 0, "room", "join", "tea")
	p.id()
	p.frame()
	s.StopGateway(t, 0)
	s.StartGateway(t, 0)
	text := p.line()
	for strings.Contains(text, string(proto.ServerDraining)) {
		text = p.line()
	}
	var back line
	if err := json.Unmarshal([]byte(text), &back); err != nil || back.ID == "" || back.Resumed == nil || strings.Contains(text, "session") {
		t.Fatalf("got %s", text)
	}
	if !*back.Resumed {
		if f := p.frame(); f.Event != string(proto.ClientAdded) || !strings.Contains(string(f.Data), string(back.ID)) {
			t.Errorf("got %+v", f)
		}
	}
	s.Dial(t, 0).Send(`{"event":"Message","to":%q,"data":1}`, back.ID)
	for f := p.frame(); f.Event != string(proto.Message); f = p.frame() {
	}
	p.interrupt()
	p.ends(0)
}

// The stay ends with the room, and when the creator removes the peer.
func TestRoomJoin_RoomEnds_Ends(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	host := s.Dial(t, 0)
	host.Create("tea")
	a, b := start(t, s, 1, "room", "join", "tea"), start(t, s, 1, "room", "join", "tea")
	out := a.id()
	b.id()
	a.frame()
	b.frame()
	host.Send(`{"event":"Remove_Client","data":{"room":"tea","client":%q}}`, out)
	a.failsWith(1, "was taken out of room")
	banned := start(t, s, 1, "room", "join", "tea")
	out = banned.id()
	banned.frame()
	host.Send(`{"event":"Remove_Client","data":{"room":"tea","client":%q,"ban":true}}`, out)
	banned.failsWith(1, "was banned from room")
	host.Send(`{"event":"End_Room","data":{"room":"tea"}}`)
	b.ends(0)
}

// watch prints who joins and leaves, under which names, and what changes.
func TestRoomWatch_EachChange_IsPrinted(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	host, other := s.Dial(t, 0), s.Dial(t, 1)
	host.Create("tea")
	p := start(t, s, 1, "room", "watch", "tea")
	h, g := string(host.ID), string(other.ID)
	p.want(`\* room "tea" has 2 members`)
	p.want(`  ` + h)
	p.want(`  \S+ \(this peer\)`)
	other.Send(`{"event":"Join_Room","data":{"room":"tea","metadata":{"name":"G\u001b[1m"}}}`)
	p.want(`\+ ` + g + ` "G\\x1b\[1m" joined, 3 members now`)
	other.Send(`{"event":"Message","room":"tea","data":"not for the list"}`)
	host.Send(`{"event":"Set_Role","data":{"room":"tea","client":%q,"role":"moderator"}}`, g)
	p.want(`~ ` + g + ` "G\\x1b\[1m" .*, and is a moderator`)
	other.Send(`{"event":"Leave_Room","data":{"room":"tea"}}`)
	p.want(`- ` + g + ` "G\\x1b\[1m" left, 2 members now`)
	host.Send(`{"event":"Update_Room","data":{"room":"tea","name":"T","capacity":5,"locked":true}}`)
	p.want(`\* the room's name is "T", it takes 5 members, it is locked`)
	host.Send(`{"event":"Update_Member","data":{"room":"tea","metadata":{"hand":"\u001b[1m"}}}`)
	p.want(`~ ` + h + ` now has the metadata "\{\\"hand\\":\\"\\\\u001b\[1m\\"\}"`)
	host.Send(`{"event":"Update_Member","data":{"room":"tea","metadata":null}}`)
	p.want(`~ ` + h + ` has no metadata now`)
	host.Bye()
	p.want(`- ` + h + ` (left|disconnected)`)
	p.want(`\* \S+ \(this peer\) runs the room now, 1 member now`)
	p.interrupt()
	p.ends(0)
	start(t, s, 0, "room", "watch", "none").failsWith(1, `Room with Id "none" does not exist.`)
}
