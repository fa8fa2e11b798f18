package proto

import "fmt"

// Senders says whose frames a peer accepts: Connect, and Offer, Answer, Candidate and
// Message that name it in `to`. The zero value is AcceptAnyone.
type Senders uint8

// Whose frames a peer accepts, from the most to the fewest.
const (
	AcceptAnyone Senders = iota // those of every peer that knows its id
	AcceptRooms                 // those of the members of its rooms
	AcceptNobody                // none
)

var sendersNames = [...]string{AcceptAnyone: "anyone", AcceptRooms: "rooms", AcceptNobody: "nobody"}

// Valid reports whether s is one of the constants.
func (s Senders) Valid() bool { return int(s) < len(sendersNames) }

// String implements fmt.Stringer.
func (s Senders) String() string {
	if !s.Valid() {
		return fmt.Sprintf("Senders(%d)", uint8(s))
	}
	return sendersNames[s]
}

// MarshalText implements encoding.TextMarshaler.
func (s Senders) MarshalText() ([]byte, error) {
	if !s.Valid() {
		return nil, fmt.Errorf("proto: there is no %v", s)
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Senders) UnmarshalText(text []byte) error {
	for v, name := range sendersNames {
		if name == string(text) {
			*s = Senders(v)
			return nil
		}
	}
	return fmt.Errorf("%s is none of anyone, rooms and nobody", Quote(string(text)))
}
