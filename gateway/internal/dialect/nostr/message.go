package nostr

import (
	"bytes"
	"encoding/json"

	"p2pconnector/proto"
)

// message is what a client sends.
type message struct {
	kind string // REQ, CLOSE or EVENT

	sub    string   // REQ, CLOSE
	topics []string // REQ

	raw   []byte // EVENT: the event, as the client wrote it
	id    string
	event int    // its kind
	topic string // of its first tag x; "" for none
}

// parse reads a client's text; ok is false when it is no message that a relay takes.
func parse(text []byte) (m message, ok bool) {
	var parts []json.RawMessage
	if json.Unmarshal(text, &parts) != nil || len(parts) < 2 || json.Unmarshal(parts[0], &m.kind) != nil {
		return m, false
	}
	switch m.kind {
	case "REQ":
		for _, filter := range parts[2:] {
			if !m.readFilter(filter) {
				return m, false
			}
		}
		return m, json.Unmarshal(parts[1], &m.sub) == nil
	case "CLOSE":
		return m, json.Unmarshal(parts[1], &m.sub) == nil
	case "EVENT":
		return m, m.readEvent(parts[1])
	}
	return m, false
}

// readFilter adds the topics of a filter.
func (m *message) readFilter(filter []byte) bool {
	var topics []string
	_, ok := proto.Unpack(filter, map[string]any{"#x": &topics})
	for _, t := range topics {
		if t != "" {
			m.topics = append(m.topics, t)
		}
	}
	return ok
}

func (m *message) readEvent(event []byte) bool {
	var tags [][]string
	m.raw = event
	_, ok := proto.Unpack(event, map[string]any{"id": &m.id, "kind": &m.event, "tags": &tags})
	for _, tag := range tags {
		if m.topic == "" && len(tag) > 1 && tag[0] == "x" {
			m.topic = tag[1]
		}
	}
	return ok
}

// eventFor returns the text by which a subscription gets an event.
func eventFor(sub string, event []byte) []byte {
	head := encode("EVENT", sub)
	b := append(make([]byte, 0, len(head)+len(event)+1), head[:len(head)-1]...)
	return append(append(append(b, ','), event...), ']')
}

// encode encodes a message as JSON.stringify does.
func encode(parts ...any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(parts) // strings and flags always encode
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
