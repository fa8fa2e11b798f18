package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"syscall"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// line is printed where a frame is not: this peer's id, at first and after each
// reconnect. The Client_Details themselves hold secrets that belong in no log.
type line struct {
	ID      proto.PeerID `json:"id"`
	Resumed *bool        `json:"resumed,omitempty"` // after a reconnect: false means a new id
}

// printLine writes v as one line.
func printLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// printFrame writes f as one line.
func printFrame(w io.Writer, f client.Frame) error {
	if r, ok := f.Resumed(); ok {
		return printLine(w, line{r.ID, &r.Same})
	}
	var b bytes.Buffer // a sender may have put its JSON on several lines
	if err := json.Compact(&b, f.Raw); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// ignoreClosedReader returns nil for the error of a write whose reader has gone, as with
// `p2p listen | head -1`: that is no failure of ours.
func ignoreClosedReader(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
