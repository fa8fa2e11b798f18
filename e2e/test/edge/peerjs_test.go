package edge_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// peerjs is a connection that speaks PeerJS.
type peerjs struct {
	*raw.Conn
	t testing.TB
}

func (e *edge) peerjs(t testing.TB, id, token string, h http.Header) *peerjs {
	t.Helper()
	q := url.Values{"key": {"peerjs"}, "id": {id}, "token": {token}}
	c, _, err := raw.Dial(t.Context(), e.addr, "/peerjs?"+q.Encode(), h)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	must(t, c.SetDeadline(time.Now().Add(2*kit.Patience)))
	return &peerjs{Conn: c, t: t}
}

// expect fails the test unless the next text is, or with a trailing … begins with, want.
func (p *peerjs) expect(want string) {
	p.t.Helper()
	text, err := p.Next()
	head, cut := strings.CutSuffix(want, "…")
	if string(text) != want && !(cut && strings.HasPrefix(string(text), head)) {
		p.t.Fatalf("got %s, %v, want %s", text, err, want)
	}
}

// expectClosed fails the test unless the connection is closed next, with code.
func (p *peerjs) expectClosed(code proto.CloseCode) {
	p.t.Helper()
	text, err := p.Next()
	closed, ok := errors.AsType[*raw.Closed](err)
	if !ok || closed.Code != code {
		p.t.Fatalf("got %s, %v, want a close frame with code %d", text, err, code)
	}
}

func (p *peerjs) send(text string) {
	p.t.Helper()
	_, err := p.Write(raw.Encode(raw.Fin|raw.Text, []byte(text)))
	must(p.t, err)
}

// refused fails the test unless the client gets an error with the message and is closed.
func (p *peerjs) refused(message string) {
	p.t.Helper()
	p.expect(`{"type":"ERROR","payload":{"msg":"` + message)
	p.expectClosed(0)
}

const (
	peerjsOpen  = `{"type":"OPEN"}`
	peerjsTaken = `{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`
)

// TestPeerJS_AccessTokens_RideInToken: a gateway that needs access tokens takes them from the
// parameter in which PeerJS sends a secret of its own. One user is one owner of an id.
func TestPeerJS_AccessTokens_RideInToken(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	for _, bad := range []string{"random", s.token(t, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()})} {
		e.peerjs(t, "ann", bad, nil).refused("The access token is malformed…")
	}
	e.peerjs(t, "ann", "", nil).refused("This server needs an access token…")
	former := e.peerjs(t, "ann", s.token(t, jwt.MapClaims{"jti": "1"}), nil)
	former.expect(peerjsOpen)
	ended := make(chan error, 1)
	go func() { // reads, so that it answers pings
		_, err := former.Next()
		ended <- err
	}()
	other := e.peerjs(t, "ann", s.token(t, jwt.MapClaims{"sub": "ben"}), nil)
	other.expect(peerjsTaken)
	other.expectClosed(0)
	e.peerjs(t, "ann", s.token(t, jwt.MapClaims{"jti": "2"}), nil).expect(peerjsOpen)
	if closed, ok := errors.AsType[*raw.Closed](<-ended); !ok || closed.Code != 0 {
		t.Errorf("the former connection: got %v, want it closed without a code", closed)
	}

	mute := e.peerjs(t, "cid", s.token(t, jwt.MapClaims{"sub": "cid", "p2p": map[string]any{"can": []string{"join"}}}), nil)
	mute.expect(peerjsOpen)
	mute.send(`{"type":"OFFER","dst":"ann","payload":{}}`)
	mute.expect(`{"type":"EXPIRE","src":"ann","dst":"cid"}`)
}

// TestPeerJS_HandshakeRefused_GetsAnError: refusals come over the WebSocket, because PeerJS calls
// reconnect at once when a handshake fails.
func TestPeerJS_HandshakeRefused_GetsAnError(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MaxConnections = 1 })
	e.peerjs(t, "ann", "1", http.Header{"Origin": {"http://evil.example"}}).refused("This server does not take connections from pages of this origin…")
	e.peerjs(t, "ann", "1", http.Header{"Origin": {"http://localhost"}}).expect(peerjsOpen)
	full := e.peerjs(t, "ben", "1", nil)
	full.expect(`{"type":"ERROR","payload":{"msg":"Server has reached its concurrent user limit"}}`)
	full.expectClosed(0)
}

// TestPeerJS_TooManyHandshakes_AreHeld: a client that connects too often waits and gets no
// error, at which it would give up.
func TestPeerJS_TooManyHandshakes_AreHeld(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.ConnectsPerSecond = 1 })
	e.peerjs(t, "ann", "1", nil).expect(peerjsOpen)
	for range 3 {
		began := time.Now()
		p := e.peerjs(t, "ben", "1", nil)
		text, err := p.Next()
		if err == nil && string(text) == peerjsOpen {
			continue // a second has passed
		}
		if closed, ok := errors.AsType[*raw.Closed](err); !ok || closed.Code != 0 || time.Since(began) < time.Second {
			t.Errorf("got %s, %v after %v, want it closed without a code after a second or more", text, err, time.Since(began))
		}
	}
}

// TestPeerJS_Flood_ExpiresThenCloses: frames above the rate limit give EXPIRE, and who goes on
// is closed.
func TestPeerJS_Flood_ExpiresThenCloses(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MessagesPerSecond, c.MessageBurst = 1, 5 })
	p := e.peerjs(t, "ann", "1", nil)
	p.expect(peerjsOpen)
	var flood []byte
	for range 20 {
		flood = append(flood, raw.Encode(raw.Fin|raw.Text, []byte(`{"type":"OFFER","dst":"ann","payload":1}`))...)
	}
	_, err := p.Write(flood)
	must(t, err)
	for range 5 {
		p.expect(`{"type":"OFFER","src":"ann","dst":"ann","payload":1}`)
	}
	for range 6 {
		p.expect(`{"type":"EXPIRE","src":"ann","dst":"ann"}`)
	}
	p.expectClosed(proto.ClosePolicy)
}

// TestPeerJS_Settings_AreObeyed tries the key, the time to wait, and the switch.
func TestPeerJS_Settings_AreObeyed(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.PeerJSKey, c.PeerJSExpire = "ours", 100*time.Millisecond })
	e.peerjs(t, "ann", "1", nil).refused("Invalid key provided…")
	c, _, err := raw.Dial(t.Context(), e.addr, "/peerjs?key=ours&id=ann&token=1", nil)
	must(t, err)
	p := &peerjs{Conn: c, t: t}
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	must(t, c.SetDeadline(time.Now().Add(4*time.Second)))
	p.expect(peerjsOpen)
	p.send(`{"type":"OFFER","dst":"ben","payload":{}}`)
	p.expect(`{"type":"EXPIRE","src":"ben","dst":"ann"}`)

	off := start(t, func(c *gateway.Config) { c.PeerJSOff = true })
	if resp, _ := off.refused(t, "/peerjs?key=peerjs&id=ann&token=1", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("switched off: got %s, want 404", resp.Status)
	}
}

// TestPeerJS_BinaryAndLargeMessages_CloseLikeOurs: what is no text, or too long, ends the
// connection as it does for every client.
func TestPeerJS_BinaryAndLargeMessages_CloseLikeOurs(t *testing.T) {
	e := start(t, nil)
	for name, c := range map[string]struct {
		frame []byte
		code  proto.CloseCode
	}{
		"binary":     {raw.Encode(raw.Fin|raw.Binary, []byte("x")), proto.CloseUnsupported},
		"too long":   {raw.Header(raw.Fin|raw.Text, 1<<20), proto.CloseTooBig},
		"no text":    {raw.Encode(raw.Fin|raw.Text, []byte{0xff}), proto.CloseInvalidUTF8},
		"at its end": {raw.CloseFrame(1000, ""), proto.CloseNormal},
	} {
		p := e.peerjs(t, fmt.Sprintf("ann %s", name), "1", nil)
		p.expect(peerjsOpen)
		_, err := p.Write(c.frame)
		must(t, err)
		if text, err := p.Next(); c.code != proto.CloseNormal {
			if closed, ok := errors.AsType[*raw.Closed](err); !ok || closed.Code != c.code {
				t.Errorf("%s: got %s, %v, want code %d", name, text, err, c.code)
			}
		}
	}
}

// TestPeerJS_OwnerAnswersNoPing_LosesItsID: a client whose network has died keeps its id only
// until another client wants it.
func TestPeerJS_OwnerAnswersNoPing_LosesItsID(t *testing.T) {
	e := start(t, nil)
	dead := e.peerjs(t, "ann", "1", nil)
	dead.expect(peerjsOpen) // and reads nothing more, so it answers no ping
	e.peerjs(t, "ann", "2", nil).expect(peerjsOpen)
}
