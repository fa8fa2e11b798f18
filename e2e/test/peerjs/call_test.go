package peerjs_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// TestCall_OneAndTwoGateways_TextsArriveToTheByte: every type arrives with src, in order, on
// the same gateway and on another.
func TestCall_OneAndTwoGateways_TextsArriveToTheByte(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	for i := range 2 {
		ben := dial(t, s, i, fmt.Sprintf("ben <%d>", i), "2")
		for _, kind := range []string{"OFFER", "CANDIDATE", "LEAVE"} {
			ann.Send(`{"type":%q,"payload":{"sdp":{"type":"offer","sdp":"v=0\r\n<&>"},"n":1.50},"dst":%q,"src":"eve","more":1}`, kind, ben.Name)
			ben.Expect(message(kind, "ann", ben.Name, `{"sdp":{"type":"offer","sdp":"v=0\r\n<&>"},"n":1.50}`))
		}
		ben.Send(`{"type":"ANSWER","dst":"ann"}`)
		ann.Expect(fmt.Sprintf(`{"type":"ANSWER","src":%q,"dst":"ann"}`, ben.Name))
		for n := range 200 {
			ann.Send(`{"type":"CANDIDATE","payload":%d,"dst":%q}`, n, ben.Name)
		}
		for n := range 200 {
			ben.Expect(message("CANDIDATE", "ann", ben.Name, fmt.Sprint(n)))
		}
	}
	ann.answers()
}

// TestCall_ReceiverComesLater_GetsAllInOrder: frames for a client that is not there wait, and
// arrive in the order in which they were sent.
func TestCall_ReceiverComesLater_GetsAllInOrder(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	for n := range 50 {
		ann.Send(`{"type":"CANDIDATE","payload":%d,"dst":"ben"}`, n)
	}
	ann.answers() // the first one waits now
	ben := dial(t, s, 1, "ben", "2")
	for n := 50; n < 60; n++ {
		ann.Send(`{"type":"CANDIDATE","payload":%d,"dst":"ben"}`, n)
	}
	for n := range 60 {
		ben.Expect(message("CANDIDATE", "ann", "ben", fmt.Sprint(n)))
	}
}

// TestCall_NobodyThere_ExpiresOnce: the sender gets one EXPIRE for each id, and LEAVE is
// dropped.
func TestCall_NobodyThere_ExpiresOnce(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	ann.Send(`{"type":"LEAVE","dst":"nobody"}`)
	ann.Send(`{"type":"OFFER","payload":{},"dst":"nobody"}`)
	ann.Send(`{"type":"CANDIDATE","payload":{},"dst":"nobody"}`)
	ann.Expect(expired("ann", "nobody"))
	ann.answers()
}

// TestCall_ReceiverLeft_IsFoundAgainOrExpires: the gateway remembers who has an id; when that
// client has left, and another one has the id on another gateway, frames go there.
func TestCall_ReceiverLeft_IsFoundAgain(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 0, "ben", "2")
	ann.Send(`{"type":"OFFER","payload":1,"dst":"ben"}`)
	ben.Expect(offer("ann", "ben", "1"))
	for round, i := range []int{1, 0, 1, 1} {
		ben.Drop()
		next := dial(t, s, i, "ben", "2") // with the same token it need not wait for the end of the former
		ann.Send(`{"type":"OFFER","payload":%d,"dst":"ben"}`, round)
		next.Expect(offer("ann", "ben", fmt.Sprint(round)))
		ben = next
	}
	ann.answers()
}

// TestCall_NativeClient_IsNotThere: clients of our own protocol and of PeerJS cannot reach
// each other, whatever they send.
func TestCall_NativeClient_IsNotThere(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	native := s.Dial(t, 1)
	ann.Send(`{"type":"OFFER","payload":{},"dst":%q}`, native.ID)
	native.Send(`{"event":"Message","to":"ann","data":{}}`)
	native.ExpectError(proto.NotFound)
	for _, event := range []string{"dialect/peerjs", "DIALECT/PEERJS"} {
		native.Send(`{"event":%q,"to":"ann","data":{"type":"OFFER"}}`, event)
		native.ExpectError(proto.UnsupportedEvent)
	}
	ann.Expect(expired("ann", string(native.ID)))
	ann.answers()
}

// TestCall_HostileIDs_AreNames: ids that would be wildcards or tokens in a subject are names
// like others.
func TestCall_HostileIDs_AreNames(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	for _, id := range []string{"*", ">", "a.b.>", "a b", "$SYS.>", `"quoted\"`, "ä\u2028", "%00", strings.Repeat("x", 128)} {
		ben := dialPath(t, s.URL(1), "peerjs", query("peerjs", id, "2"))
		ben.Expect(openText)
		q := quoted(id)
		ann.Send(`{"type":"OFFER","payload":{},"dst":%s}`, q)
		ben.Expect(`{"type":"OFFER","src":"ann","dst":` + q + `,"payload":{}}`)
		ben.Drop()
	}
	ann.answers()
}

// TestCall_BadTexts_AreIgnored: nothing that a client sends ends its connection, or is
// answered, as with PeerServer.
func TestCall_BadTexts_AreIgnored(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	for _, text := range []string{
		``, ` `, `null`, `1`, `"OFFER"`, `[]`, `{}`, `{`, `{"type":1}`, `{"type":null,"dst":"ann"}`, `{"type":"HEARTBEAT"}`,
		`{"type":"OPEN"}`, `{"type":"ERROR","payload":{"msg":"x"},"dst":"ann"}`, `{"type":"EXPIRE","dst":"ann"}`, `{"type":"ID-TAKEN","dst":"ann"}`,
		`{"type":"taken","dst":"ann"}`, `{"type":"OFFER"}`, `{"type":"OFFER","dst":""}`, `{"type":"OFFER","dst":null}`, `{"type":"OFFER","dst":["ann"]}`,
		`{"type":"LEAVE","dst":1}x`, `{"type":"HEARTBEAT","dst":"ann"}`, `{"type":"offer","dst":"ann"}`,
		`{"type":"OFFER","dst":"ann","payload":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		ann.Send("%s", text)
	}
	ann.answers()
	ann.Send(`{"type":"OFFER","payload":{},"dst":%q}`, strings.Repeat("y", 10_000))
	ann.Expect(expired("ann", strings.Repeat("y", 10_000)))
	ann.answers()
}
