// Package session holds the peers' sessions at this gateway, and moves them between
// connections and gateways as package ownership decides.
//
// A [Session] is a peer as long as this gateway knows it. It gets the frames for the peer,
// and passes them to the client's connection or keeps them for the next one. The [Table]
// has the sessions of this gateway:
//
//	conn.go      what a session needs of its client's connection
//	deliver.go   what becomes of a frame for the peer
//	replay.go    the frames that a connection leaves for the next one
//	resume.go    a client comes back to a session of this gateway
//	taker.go     takes a session over from another gateway
//	takerooms.go the rooms of a session follow it
//	owner.go     lends sessions, takes them back, gives them up and ends them
//	compare.go   compares sessions with the session directory
//	member.go    a session as a member of rooms
//	table.go     the sessions of this gateway, and what is done with all of them
//
// A goroutine holds at most one session's lock. It takes the lock of a connection that
// leaves its session, Conn.leaving, before it. While it holds a session's lock it calls
// package socket and looks into the rooms' members; it sends nothing to other gateways.
package session
