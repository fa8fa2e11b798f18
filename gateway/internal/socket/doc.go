// Package socket serves WebSockets: bytes in, text messages and close codes out. It knows
// nothing of peers, sessions or rooms; what a message means is its [Handler]'s business.
//
// A [Server] holds what all connections share. [Server.Upgrade] answers a handshake and
// returns a [Conn], which has one goroutine, its reader:
//
//	network ── validator ── WebSocket library ── Handler.Message
//	network ── write queue ── outbound queue ── Conn.Send
//
// Reading. The validator checks every frame header before the WebSocket library (gws,
// which only websocket.go knows) sees it, and keeps the library from writing. The reader
// runs Conn.Serve, then Conn.Finish, which ends with the close handshake.
//
// Writing. Send appends a frame to the connection's outbound queue, which has bounds on
// frames and bytes, and never waits. A client that does not read is closed when its queue
// is full. A connection with something to write stands in the server's write queue, from
// which a few goroutines take it in turn: all that has come for it meanwhile leaves in one
// system call, which does not wait either. What the network does not take at once is
// written by a goroutine that lives as long as that write. An idle connection therefore
// has no buffer and no goroutine but its reader.
//
// Resuming. The retransmit buffer keeps the last frames that were written until a pong
// confirms them. When the connection ends, [Conn.Remains] returns these, and the frames
// that were never written, so that the next connection of the client can have them.
//
// Liveness. Conn.Sweep, which the owner calls once a second, sends pings and ends
// connections that are idle, stuck in a write, or late with their close handshake.
//
// A connection's mutex is taken before the write queue's. Both are leaves otherwise: no
// callback but those of [Config], which must not block, runs under them, and neither is
// held during a system call.
package socket
