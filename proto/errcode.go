package proto

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrorCode is the `event` of an error frame.
type ErrorCode string

// Every error code there is.
const (
	MissingFields    ErrorCode = "Missing_Fields"
	NotFound         ErrorCode = "Not_Found"
	NotDelivered     ErrorCode = "Not_Delivered"
	DuplicateRoom    ErrorCode = "Duplicate_Room"
	AlreadyExists    ErrorCode = "Already_Exists"
	Unauthorised     ErrorCode = "Unauthorised"
	RoomFull         ErrorCode = "Room_Full"
	RoomLocked       ErrorCode = "Room_Locked"
	Refused          ErrorCode = "Refused"
	Banned           ErrorCode = "Banned"
	WrongPassword    ErrorCode = "Wrong_Password"
	LimitExceeded    ErrorCode = "Limit_Exceeded"
	UnsupportedEvent ErrorCode = "Unsupported_Event"
	InvalidMessage   ErrorCode = "Invalid_Message"
	RateLimited      ErrorCode = "Rate_Limited"
	Unavailable      ErrorCode = "Unavailable"
)

// ErrorDoc says when a code is sent.
type ErrorDoc struct {
	Code ErrorCode
	When string
}

// ErrorCodes lists every code once; nothing outside this table goes to a client.
var ErrorCodes = []ErrorDoc{
	{MissingFields, "A needed member is absent or of the wrong type; data.field names it."},
	{NotFound, "There is no such peer or room."},
	{NotDelivered, "The peer exists, but the frame could not be handed to its connection."},
	{DuplicateRoom, "The room id is taken."},
	{AlreadyExists, "The peer is in that room already."},
	{Unauthorised, "Not the creator, not a member, or the token does not grant it."},
	{RoomFull, "The room has reached its capacity."},
	{RoomLocked, "The room is locked."},
	{Refused, "The peer waited to be admitted, and nobody admitted it."},
	{Banned, "The peer, or the user of its access token, is banned from the room."},
	{WrongPassword, "The room has a password, and data.password is missing or another."},
	{LimitExceeded, "One of the limits of Client_Details is reached."},
	{UnsupportedEvent, "Unknown event; data.events lists those that work."},
	{InvalidMessage, "Not JSON, not an object, or a value out of bounds."},
	{RateLimited, "Too many frames; wait data.retry_after_ms."},
	{Unavailable, "The room service or the bus did not answer in time; nothing was changed, or the same request may be repeated safely."},
}

// Known reports whether c is in the table.
func (c ErrorCode) Known() bool {
	for _, d := range ErrorCodes {
		if d.Code == c {
			return true
		}
	}
	return false
}

// Error is what an error frame carries. A reply of the room service that
// refuses a request carries one too. Its text goes to clients, so it must not
// hold anything that they may not see.
type Error struct {
	Code         ErrorCode `json:"code"`
	Message      string    `json:"message"`
	Field        string    `json:"field,omitempty"`          // member at fault
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"` // milliseconds; Rate_Limited only
	Epoch        uint64    `json:"epoch,omitempty"`          // for the gateway: the newest known epoch of the session; the request is of an earlier one, so another gateway owns the session
	Salt         string    `json:"salt,omitempty"`           // for the gateway: of the room's password; Wrong_Password only
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error with a formatted message. Text that a client chose must
// be passed through Quote.
func Errorf(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Missing makes a Missing_Fields error about the member field.
func Missing(field, message string) *Error {
	return &Error{Code: MissingFields, Message: message, Field: field}
}

// Invalid makes an Invalid_Message error about the member field (which may be empty).
func Invalid(field, message string) *Error {
	return &Error{Code: InvalidMessage, Message: message, Field: field}
}

// PeerNotFound returns the error for a peer that does not exist.
func PeerNotFound(id string) *Error {
	return Errorf(NotFound, "Client with given id %s not found. It may have left: ask for its new id, or check `to`.", Quote(id))
}

// RoomNotFound returns the error for a room that does not exist.
func RoomNotFound(id RoomID) *Error {
	return Errorf(NotFound, "Room with Id %s does not exist. Create it with Create_Room, or send Join_Room with data.create true.", Quote(string(id)))
}

// CouldNotDo returns the error for what the server could not do, through no fault of the
// requester.
func CouldNotDo() *Error {
	return &Error{Code: Unavailable, Message: "The server could not do this now. Send the same request again in a moment."}
}

// ErrorFrom returns the Error inside err. When there is none, or its code is
// unknown, it returns CouldNotDo, which hides the cause from clients; hidden
// then tells the caller to log err.
func ErrorFrom(err error) (e *Error, hidden bool) {
	if e, ok := errors.AsType[*Error](err); ok && e.Code.Known() {
		return e, false
	}
	return CouldNotDo(), true
}

// maxQuoted bounds how much of a client's text stands in an error, in bytes.
const maxQuoted = 64

// Quote makes text that a client chose safe to stand in a message or a log
// line: escaped, and cut after 64 bytes.
func Quote(s string) string {
	cut := ""
	if len(s) > maxQuoted {
		s, cut = s[:maxQuoted], "…"
	}
	return fmt.Sprintf("%q", s+cut)
}

// ErrorData is the `data` of an error frame.
type ErrorData struct {
	Message      string          `json:"message"`
	Event        string          `json:"event,omitempty"` // the event that failed
	To           string          `json:"to,omitempty"`
	Room         string          `json:"room,omitempty"`
	Field        string          `json:"field,omitempty"`
	Clients      []PeerID        `json:"clients,omitempty"` // members that a room message did not reach
	Events       []string        `json:"events,omitempty"`  // Unsupported_Event: those that work
	RetryAfterMS int64           `json:"retry_after_ms,omitempty"`
	ID           json.RawMessage `json:"-"`
}
