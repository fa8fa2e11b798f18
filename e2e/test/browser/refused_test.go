package browser

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
)

// tokens returns the file of a secret, and a token signed with it.
func tokens(t *testing.T) (file, token string) {
	t.Helper()
	secret := []byte("a secret of more than 32 bytes, for tests")
	file = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return file, token
}

// TestConnect_Refused_RejectsWithReason: connect() in a page rejects with the reason, for
// every reason that a page may get.
func TestConnect_Refused_RejectsWithReason(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	key, token := tokens(t)
	open := "http://127.0.0.1:*"
	wantsToken, _ := addGateway(t, stack, gateway.Config{AllowedOrigins: open, TokenKey: key})
	otherOrigin, _ := addGateway(t, stack, gateway.Config{AllowedOrigins: "https://elsewhere.example"})
	full, _ := addGateway(t, stack, gateway.Config{AllowedOrigins: open, MaxPerAddress: 1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()

	p := b.open(t, "page", stack.HTTP(0))
	p.eval(nil, `import("/connector.js").then(({ connect }) => { globalThis.tryTo = (host, options) => connect("ws://" + host + "/ws", options)
		.then((c) => { globalThis.got = c; return { Code: "connected" }; }, (e) => ({ Code: e.code, Message: e.message, Close: e.data.close_code ?? 0 })); })`)
	for _, c := range []struct {
		name, host, options string
		code                string
		close               int
		message             string // part of the message
	}{
		{"no token", wantsToken, `{}`, "Unauthorised", 4001, "needs an access token"},
		{"a wrong token", wantsToken, `{ token: "wrong" }`, "Unauthorised", 4001, "Get a fresh one"},
		{"wrong fresh tokens", wantsToken, `{ token: () => "wrong", backoff: { base: 1, cap: 1 } }`, "Unauthorised", 4001, "Get a fresh one"},
		{"the right token", wantsToken, `{ token: "` + token + `" }`, "connected", 0, ""},
		{"another origin", otherOrigin, `{}`, "Unauthorised", 4003, "--allowed-origins"},
		{"a place", full, `{}`, "connected", 0, ""},
		{"a full address", full, `{ connectTimeout: 2500 }`, "Limit_Exceeded", 1013, "from your address"},
		{"nobody there", nobody, `{ connectTimeout: 300 }`, "Timeout", 0, nobody},
		{"no address", "[", `{}`, "Invalid_Address", 0, "wss://host/ws"},
	} {
		var got struct {
			Code, Message string
			Close         int
		}
		p.eval(&got, `tryTo(%q, %s)`, c.host, c.options)
		if got.Code != c.code || got.Close != c.close || !strings.Contains(got.Message, c.message) {
			t.Errorf("%s: got %+v, want code %s, close %d, a message with %q", c.name, got, c.code, c.close, c.message)
		}
	}
}

// TestConsole_ServerWantsToken_SaysSoAndTakesIt: the page shows the reason, and takes the
// token from its field or from its address, from which it removes it.
func TestConsole_ServerWantsToken_SaysSoAndTakesIt(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	key, token := tokens(t)
	addr, _ := addGateway(t, stack, gateway.Config{TokenKey: key})
	p := b.open(t, "typed", "http://"+addr+"/")
	p.click("#connect")
	p.until("the refusal is shown", `/Refused\s*Unauthorised/.test(document.getElementById("log").innerText) && document.getElementById("problem").textContent.includes("needs an access token")`)
	p.until("the close is shown", `document.querySelector("#log li.note")?.innerText.includes("Closed: 4001 (token missing")`)
	p.until("the field for the token has the focus", `document.activeElement.id === "token"`)
	p.fill("#token", token)
	p.click("#connect")
	p.until("it is connected", `!document.getElementById("send").disabled && document.getElementById("problem").textContent === ""`)

	q := b.open(t, "by address", "http://"+addr+"/?access_token="+token)
	q.until("the token has left the address", `!location.href.includes("access_token") && document.getElementById("token").value.length > 20`)
	q.click("#connect")
	q.until("it is connected", `!document.getElementById("send").disabled`)
}

// TestDemo_ServerWantsToken_AsksForIt: the lobby shows the reason and a field, and a link
// with a token works without asking.
func TestDemo_ServerWantsToken_AsksForIt(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	key, token := tokens(t)
	addr, _ := addGateway(t, stack, gateway.Config{TokenKey: key})
	ann := &guest{b.open(t, "Ann", "http://"+addr+"/demo#tokens")}
	ann.fill("#lobby-name", ann.name)
	ann.until("no token is asked for yet", `document.getElementById("lobby-token-row").hidden`)
	ann.click("#join-quiet")
	ann.until("the lobby says why, and asks", `document.getElementById("lobby-problem").textContent.includes("needs an access token") && !document.getElementById("lobby-token-row").hidden`)
	ann.fill("#lobby-token", token)
	ann.click("#join-quiet")
	ann.until("the call is shown", `!document.getElementById("call").hidden`)

	bob := &guest{b.open(t, "Bob", "http://"+addr+"/demo?access_token="+token+"#tokens")}
	bob.fill("#lobby-name", bob.name)
	bob.click("#join-quiet")
	bob.until("the call is shown, and the token is not in the address", `!document.getElementById("call").hidden && !location.href.includes("access_token")`)
	ann.until("they meet", `document.querySelectorAll("#people li").length === 2`)
}
