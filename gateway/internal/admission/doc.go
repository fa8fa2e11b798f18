// Package admission decides who may open a WebSocket before the gateway knows who the
// client is: by the page it comes from, its address, and the number of other connections.
// The gateway calls a [Controller] in this order:
//
//	ConnState     a connection arrives, or is no longer pending
//	ClientAddr    whom a handshake counts for: the client behind trusted proxies
//	AllowConnect  the handshake rate of that address
//	AllowOrigin   the page that the handshake comes from
//	Admit         the limits that all connections share; takes a place until it is given back
//
// The limits of a client's own address are checked before the limits that all clients
// share, so one address cannot use up the rate or the places of the others. One client has
// all addresses of an IPv6 /64, so these count as one.
//
// Connections are pending until their handshake is done: slow handshakes, handshakes that
// never end, and clients that read pages. Admit does not count them yet, so they have
// bounds of their own.
//
// The package does not decide who the client is (package auth does), what the answer to a
// refused client is, or how fast an open connection may send.
package admission
