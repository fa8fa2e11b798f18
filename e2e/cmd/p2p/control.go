package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
)

const (
	windowBytes  = 2 << 20         // sent and not written out yet by the other side
	gotEvery     = windowBytes / 8 // how often that is told
	bufferBytes  = 2 * windowBytes // of the connection, for what nobody has read
	messageBytes = 64<<10 - 1      // the largest message that a side takes
)

// control is a text message of the data channel; the binary ones are what goes
// through the pipe. Each side says, in this order:
//
//	{"size":N}                        first, when it knows how much is to come
//	{"got":N}                         now and then: bytes written out so far
//	{"end":{"bytes":N,"sha256":H}}    after its last byte
//	{"received":{"bytes":N,…}}        when it has written out all that the other sent
//	{"bye":true}                      when it has said and heard received
//
// or {"abort":REASON} at any time. Who has said and heard bye may hang up.
//
// Nobody sends more than windowBytes ahead of the other's got. So the buffer of
// the connection itself never fills up: it would find out only by retries, seconds
// apart, that there is room again.
type control struct {
	Size     int64  `json:"size,omitempty"`
	Got      int64  `json:"got,omitempty"`
	End      *total `json:"end,omitempty"`
	Received *total `json:"received,omitempty"`
	Bye      bool   `json:"bye,omitempty"`
	Abort    string `json:"abort,omitempty"`
}

func (c control) text() (string, error) {
	b, err := json.Marshal(c)
	return string(b), err
}

// total is what went one way.
type total struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hex
}

func (t total) String() string {
	return fmt.Sprintf("%d bytes with SHA-256 %.8s…", t.Bytes, t.SHA256)
}

// counter sums up what is written to it.
type counter struct {
	bytes int64
	hash  hash.Hash
}

func newCounter() *counter { return &counter{hash: sha256.New()} }

func (c *counter) add(b []byte) {
	c.bytes += int64(len(b))
	c.hash.Write(b)
}

func (c *counter) total() total { return total{c.bytes, hex.EncodeToString(c.hash.Sum(nil))} }

// partedError ends a call for a reason that the other side knows already, or
// cannot hear of any more.
type partedError struct{ text string }

func (p *partedError) Error() string { return p.text }

func partedf(format string, args ...any) error { return &partedError{fmt.Sprintf(format, args...)} }
