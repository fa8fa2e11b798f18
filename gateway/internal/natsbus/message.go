package natsbus

import "github.com/nats-io/nats.go"

// Message is a message from the bus, or for it. Its strings and bytes belong to the holder
// of the message: the bus keeps no reference to them.
type Message struct {
	Subject string
	Reply   string // subject of the expected answer; "" expects none
	Header  Header // nil for most
	Data    []byte
}

// Header holds the headers of a message, by their exact names.
type Header map[string][]string

// Get returns the first value of a header, or "".
func (h Header) Get(name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// NoResponders reports whether m is the notice of a NATS server, on a reply subject, that
// the message which named that subject had no receiver.
func (m *Message) NoResponders() bool {
	return len(m.Data) == 0 && m.Header.Get("Status") == "503"
}

func messageOf(m *nats.Msg) Message {
	return Message{Subject: m.Subject, Reply: m.Reply, Header: Header(m.Header), Data: m.Data}
}
