package peerjs

import (
	"bytes"
	"encoding/json"

	"p2pconnector/proto"
)

// Types of messages.
const (
	typeOffer     = "OFFER"
	typeAnswer    = "ANSWER"
	typeCandidate = "CANDIDATE"
	typeLeave     = "LEAVE"
	typeHeartbeat = "HEARTBEAT"
)

// openText is what a client gets when it has its id.
var openText = []byte(`{"type":"OPEN"}`)

// message is what a client sends.
type message struct {
	kind    string
	dst     string // "": none
	leaves  bool   // it names no receiver at all
	payload []byte // raw JSON; nil: none
}

// waits reports whether m waits for a receiver that is absent.
func (m *message) waits() bool { return m.kind != typeLeave }

// parse reads a client's text; ok is false when it is no message, or of a type that clients
// do not send.
func parse(text []byte) (m message, ok bool) {
	typed := true
	m.leaves = true
	if !proto.Members(text, func(name string, value []byte) {
		switch name {
		case "type":
			m.kind, typed = unquote(value)
		case "dst":
			m.leaves = false
			m.dst, _ = unquote(value)
		case "payload":
			m.payload = value
		}
	}) || !typed {
		return m, false
	}
	switch m.kind {
	case typeOffer, typeAnswer, typeCandidate, typeLeave, typeHeartbeat:
		return m, true
	}
	return m, false
}

// size returns about the number of bytes that appendTo appends.
func (m *message) size(src string) int {
	return len(textHead) + len(m.kind) + len(textSrc) + len(src) + len(textDst) + len(m.dst) + len(`"","payload":}`) + len(m.payload) + 4
}

const (
	textHead = `{"type":"`
	textSrc  = `","src":`
	textDst  = `,"dst":`
)

// appendTo appends m as its receiver gets it, from src. The members and their order are
// PeerServer's.
func (m *message) appendTo(dst []byte, src string) []byte {
	dst = append(append(dst, textHead...), m.kind...)
	dst = appendQuoted(append(dst, textSrc...), src)
	dst = appendQuoted(append(dst, textDst...), m.dst)
	if m.payload != nil {
		dst = append(append(dst, `,"payload":`...), m.payload...)
	}
	return append(dst, '}')
}

// srcOf returns the sender in a text that appendTo made, as JSON; nil for any other text.
func srcOf(text []byte) []byte {
	_, rest, ok := bytes.Cut(text, []byte(textSrc))
	if !ok || !bytes.HasPrefix(text, []byte(textHead)) || len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	return stringAt(rest)
}

// relayed reports whether a text is a message of another client, which waits for its outcome.
func relayed(text []byte) bool {
	for _, kind := range [...]string{typeOffer, typeAnswer, typeCandidate} {
		if bytes.HasPrefix(text, []byte(textHead+kind+textSrc)) {
			return true
		}
	}
	return false
}

// dstOf returns the receiver in a text that appendTo made.
func dstOf(text []byte) (dst string) {
	src := srcOf(text)
	_, rest, ok := bytes.Cut(text, []byte(textSrc))
	if !ok || src == nil {
		return ""
	}
	if rest, ok = bytes.CutPrefix(rest[len(src):], []byte(textDst)); ok && len(rest) > 0 && rest[0] == '"' {
		_ = json.Unmarshal(stringAt(rest), &dst) // it is ours: it is valid
	}
	return dst
}

// stringAt returns the JSON string that b begins with, or nil.
func stringAt(b []byte) []byte {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i+1]
		}
	}
	return nil
}

// expireText is what a client gets when frames for dst were given up.
func expireText(src, dst string) []byte {
	return []byte(`{"type":"EXPIRE","src":` + quote(dst) + `,"dst":` + quote(src) + `}`)
}

// errorText makes the client end all that it does.
func errorText(message string) []byte {
	return []byte(`{"type":"ERROR","payload":{"msg":` + quote(message) + `}}`)
}

// unquote returns the string that value, valid JSON, holds; ok is false when it is null or no
// string.
func unquote(value []byte) (s string, ok bool) {
	if value[0] != '"' {
		return "", string(value) == "null"
	}
	if plain(value[1 : len(value)-1]) {
		return string(value[1 : len(value)-1]), true
	}
	return s, json.Unmarshal(value, &s) == nil
}

// plain reports whether s stands for itself between the quotes of a JSON string.
func plain[S string | []byte](s S) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// quote encodes a string as JSON.stringify does.
func quote(s string) string { return string(appendQuoted(nil, s)) }

// appendQuoted appends what quote returns.
func appendQuoted(dst []byte, s string) []byte {
	if plain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
