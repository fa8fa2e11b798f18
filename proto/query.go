package proto

// Parameters of a gateway's address.
const (
	// QueryAcceptFrom says whose frames a client accepts: a name of Senders.
	QueryAcceptFrom = "accept_from"
	// QueryRoom names the room that a client is about to join, or any text that clients
	// which talk to each other have in common. Gateways ignore it. A proxy may send
	// connections with the same text to the same gateway, because frames between peers of
	// one gateway do not pass NATS. Nothing depends on it: it is not checked, and rooms and
	// peers work wherever their connections are.
	QueryRoom = "room"
)
