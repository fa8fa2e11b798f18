// Package dialect defines the seam for client protocols other than the gateway's own. A
// dialect is a package below package dialect: it answers handshakes and requests on its own
// paths, and makes a [Translator] for each connection, which turns the client's texts into
// frames of the gateway and back. Admission, limits, access tokens, links, drains and
// metrics stay the gateway's.
//
// A connection of the gateway's own protocol has no translator.
//
// # Frames
//
// What clients of one dialect send each other travels as a [Frame]: a relayed frame whose
// event is "dialect/" and the dialect's name. No client of the gateway's own protocol can
// send such an event, so a client of a dialect gets frames only from clients of the same
// dialect. The session of a peer refuses all others as not found.
//
// A frame that does not reach its receiver comes back to its sender unchanged but for
// [Frame.Lost]: its sender is then the peer itself, by which the translator knows it.
package dialect
