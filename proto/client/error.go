package client

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// Error is an error frame of the server.
type Error struct {
	Code proto.ErrorCode
	proto.ErrorData
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Code returns the code of the server's error inside err, or "" when there is none.
func Code(err error) proto.ErrorCode {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

var (
	// ErrClosed is returned after Close, and after the end of a client.
	ErrClosed = errors.New("client: closed")
	// ErrInterrupted is returned by a request that had no answer yet when the
	// connection broke: it may have taken effect.
	ErrInterrupted = errors.New("client: the connection broke before the answer came; the request may have taken effect")
)

// refused is the error of a handshake that the server answered with an HTTP status.
type refused struct {
	status int
	err    error
}

func (r *refused) Error() string { return fmt.Sprintf("HTTP status %d: %v", r.status, r.err) }
func (r *refused) Unwrap() error { return r.err }

// final reports whether err ends the client because another try cannot succeed.
func final(err error) bool {
	if r, ok := errors.AsType[*refused](err); ok {
		return r.status == 401 || r.status == 403 || r.status == 404
	}
	switch proto.CloseCode(websocket.CloseStatus(err)) {
	case proto.CloseNormal, proto.CloseToken, proto.CloseTakenOver:
		return true
	}
	return false
}
