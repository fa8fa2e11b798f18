// Package quota limits what the sessions of a gateway hold together: places in rooms, and
// sessions whose clients are away. It counts them for the gateway, for each address, and for
// each user of access tokens. Package admission limits connections in the same way.
//
// A session has a [Holding], and tells it what it holds now. So nothing is counted twice or
// given back twice, whatever the order of a join, its answer, a move of the session, and
// its end. Only a request that may add a room takes a place before it is sent:
//
//	Begin       a place for the request; its end gives the place back
//	SetRooms    how many rooms the session is in
//	Move        the session's client has connected from another address
//	Away, Back  the client's connection broke; the client has connected again
//	End         the session is over here, and holds nothing any more
//
// Limits refuse what a client asks for, and never what has happened: a session that moves
// here brings its rooms along, and clients that come back from another address do.
package quota
