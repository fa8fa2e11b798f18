package proto

// WebSocket subprotocols that a client may offer in its handshake. The server answers with
// SubprotocolDelta, or with another one that is no token.
const (
	// SubprotocolDelta asks for changes in place of full lists in busy rooms.
	SubprotocolDelta = "p2p.delta"
	// SubprotocolToken begins an entry that carries an access token, because a browser can
	// set no other header. The server never answers with it: offer another one beside it.
	SubprotocolToken = "p2p.token."
)
