package yjs

import (
	"encoding/json"

	"p2pconnector/proto"
)

// Types of messages.
const (
	typeSubscribe   = "subscribe"
	typeUnsubscribe = "unsubscribe"
	typePublish     = "publish"
	typePing        = "ping"
)

// message is what a client sends.
type message struct {
	kind   string
	topics []string // subscribe, unsubscribe
	topic  string   // publish
	from   string   // publish: the peer as which the client publishes; "" when that cannot be read
	to     string   // publish: the peer that a signal is for; "" for all
}

// parse reads a client's text; ok is false when it is no message. Members of a wrong type
// count as absent.
func parse(text []byte) (m message, ok bool) {
	if !json.Valid(text) {
		return m, false
	}
	var data json.RawMessage
	ok = proto.Members(text, func(name string, value []byte) {
		switch name {
		case "type":
			m.kind = stringOf(value)
		case "topics":
			m.topics = texts(value)
		case "topic":
			m.topic = stringOf(value)
		case "data":
			data = value
		}
	})
	if m.kind == typePublish {
		m.from, m.to = ends(data)
	}
	return m, ok
}

// addressee returns the peer that a publication is addressed to, or "".
func addressee(text []byte) string {
	m, _ := parse(text)
	return m.to
}

// ends returns the peers that the data of a publication names. In an encrypted room the data
// is a string that only the room's clients can read.
func ends(data []byte) (from, to string) {
	var kind string
	proto.Members(data, func(name string, value []byte) {
		switch name {
		case "type":
			kind = stringOf(value)
		case "from":
			from = stringOf(value)
		case "to":
			to = stringOf(value)
		}
	})
	if kind != "signal" {
		to = ""
	}
	return from, to
}

// stringOf returns a JSON string, or "" for anything else.
func stringOf(value []byte) (s string) {
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// texts returns the strings in a JSON array.
func texts(value []byte) (all []string) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return nil
	}
	for _, x := range list {
		if s := stringOf(x); s != "" {
			all = append(all, s)
		}
	}
	return all
}
