package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
)

const (
	windowBytes  = 2 << 20         // sent and not yet written out by the other side
	gotEvery     = windowBytes / 8 // bytes between two reports of progress
	bufferBytes  = 2 * windowBytes // of the connection, for data that is not read yet
	messageBytes = 64<<10 - 1      // the largest message that a side takes
)

// control is a text message of the data channel; the binary ones carry the data of the
// pipe. Each side sends, in this order:
//
//	{"size":N}                        first, when it knows how much is to come
//	{"got":N}                         now and then: bytes written out so far
//	{"end":{"bytes":N,"sha256":H}}    after its last byte
//	{"received":{"bytes":N,…}}        when it has written out all that the other sent
//	{"bye":true}                      after both sides have sent received
//
// or {"abort":REASON} at any time. A side that has sent and received bye may hang up.
//
// No side sends more than windowBytes ahead of the other's got, so the buffer of the
// connection never fills up. If it did, the connection would notice free space only by
// retries, seconds apart.
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

// total describes the data that went one way.
type total struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hex
}

func (t total) String() string {
	return fmt.Sprintf("%d bytes with SHA-256 %.8s…", t.Bytes, t.SHA256)
}

// counter counts and hashes what is written to it.
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

// partedError ends a call for a reason that the other side knows already, or cannot
// receive any more.
type partedError struct{ text string }

func (p *partedError) Error() string { return p.text }

func partedf(format string, args ...any) error { return &partedError{fmt.Sprintf(format, args...)} }
