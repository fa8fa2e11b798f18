// Package admission decides who may open a WebSocket, as far as that shows before anybody
// knows who the client is: by the page it comes from, its address, and how many others
// there are. A [Controller] is asked in this order:
//
//	ConnState     a connection arrives, or is no longer pending
//	ClientAddr    whom a handshake counts for: the client behind trusted proxies
//	AllowConnect  the rate of handshakes of that address
//	AllowOrigin   the page that the handshake comes from
//	Admit         the limits that all connections share; takes a place until it is given back
//
// A client meets the limits of its own address before it takes anything of what all share,
// so one address cannot use up the rate or the places of the others. One client has all
// addresses of an IPv6 /64, so these count as one.
//
// Connections are pending until their handshake is done: slow handshakes, handshakes that
// never end, and readers of pages. Admit does not know them yet, so they have bounds of
// their own.
//
// What the package does not decide: who the client is (package auth does), what a refused
// client is told, and how fast an open connection may send.
package admission
