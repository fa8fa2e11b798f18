package proto

import (
	"encoding/json"
	"testing"
)

func TestRelay_OtherMembers_AreUnchanged(t *testing.T) {
	const head = `{"event":"Message","from":"` + string(goldenAnn) + `"`
	for _, c := range []struct{ in, want string }{
		{`{"event":"message","to":"p"}`, head + `}`},
		{`{"to":"p","data":{"a" : 1.50},"event":"MESSAGE","id":"\u0041"}`, head + `,"data":{"a" : 1.50},"id":"\u0041"}`},
		{`{"event":"message","room":"r","x":null,"":0}`, head + `,"room":"r","x":null,"":0}`},
		{`{"event":"message" , "d" : [1, 2] , "e":"\ud800"}`, head + `,"d" : [1, 2],"e":"\ud800"}`},

		// members that only the server may write
		{`{"event":"message","from":"x","type":"info","timestamp":"t","message_id":"m","to":null}`, head + `}`},
		{`{"event":"message","\u0066rom":"x","t\u0079pe":"info","time\u0073tamp":"t","message\u005fid":"m","\u0074o":"p"}`, head + `}`},
		{`{"event":"message","From":"x","TYPE":"info","Timestamp":"t","Message_Id":"m","Event":"Offer","TO":"p"}`, head + `}`},
		{`{"event":"message","room":"r","ROOM":"s","Room":"t","r\u006fOm":"u"}`, head + `,"room":"r"}`},
		{`{"event":"message","to":"p","Room":"t","rooms":1,"roo":2}`, head + `,"rooms":1,"roo":2}`},
		{`{"event":"message","timeſtamp":"x","meſſage_id":"info","\u0054ime\u017ftamp":1}`, head + `}`},

		// near misses are the client's own
		{`{"event":"message","from_":1,"fro":2,"types":3,"t":4,"message-id":5,"messageid":6,"events":7,"too":8,"data":{"from":9,"type":10}}`,
			head + `,"from_":1,"fro":2,"types":3,"t":4,"message-id":5,"messageid":6,"events":7,"too":8,"data":{"from":9,"type":10}}`},
	} {
		var f Frame
		if err := f.Decode([]byte(c.in)); err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		if got := string(f.AppendRelay([]byte("before"), goldenAnn)); got != "before"+c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

// TestRelay_From_IsTheSender checks that the sender is read from what the server wrote,
// whatever else a client has put there.
func TestRelay_From_IsTheSender(t *testing.T) {
	offer := ServerFrame{Type: TypeInfo, Event: string(Offer), Data: ConnectData(goldenAnn, []byte(`"\",\"from\":\"x"`), []byte("1"))}
	var f Frame
	if err := f.Decode([]byte(`{"from":"x","data":{"event":"Offer","from":"` + goldenBen + `"},"event":"Message"}`)); err != nil {
		t.Fatal(err)
	}
	for _, frame := range [][]byte{f.AppendRelay(nil, goldenAnn), offer.Append(nil)} {
		if got := RelaySender(frame); string(got) != string(goldenAnn) {
			t.Errorf("%s is from %q", frame, got)
		}
	}
	pong := ServerFrame{Type: TypeInfo, Event: string(Pong), Data: []byte(`{"from":"` + goldenBen + `"}`)}
	for _, frame := range [][]byte{nil, []byte(`{}`), pong.Append(nil), []byte(`{"event":"Message","from":"server"}`), []byte(`{"event":"Message","from":"` + goldenAnn)} {
		if got := RelaySender(frame); got != nil {
			t.Errorf("%s is from %q", frame, got)
		}
	}
}

// TestRelay_DuplicateOrEscapedNames_DeceiveNoReader checks that encoding/json, which most clients in Go
// use and which matches names without regard to case, reads only what the
// server wrote.
func TestRelay_DuplicateOrEscapedNames_DeceiveNoReader(t *testing.T) {
	var f Frame
	if err := f.Decode([]byte(`{"event":"Message","FROM":"server","From":"x","EVENT":"Room_Deleted","tYpe":"update","MESSAGE_ID":"1","TimeStamp":"2","To":"3","room":"mine","Room":"theirs"}`)); err != nil {
		t.Fatal(err)
	}
	var got struct{ Event, From, Type, Message_ID, Timestamp, To, Room string }
	if err := json.Unmarshal(f.AppendRelay(nil, goldenAnn), &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Event, want.From, want.Type, want.Message_ID, want.Timestamp, want.To, want.Room = "Message", string(goldenAnn), "", "", "", "", "mine"
	if got != want {
		t.Errorf("got %+v, want only what the server wrote, and the room", got)
	}
}
