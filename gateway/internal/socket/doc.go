// Package socket serves WebSockets: bytes in, text messages and close codes out. It knows
// nothing of peers, sessions or rooms; a [Handler] interprets the messages.
//
// A [Server] holds what all connections share. [Server.Upgrade] answers a handshake and
// returns a [Conn], which has one goroutine, its reader:
//
//	network ── validator ── WebSocket library ── Handler.Message
//	network ── write queue ── outbound queue ── Conn.Send
//
// Reading. The validator checks every frame header before the WebSocket library (gws,
// which only websocket.go imports) sees it, and keeps the library from writing. The reader
// runs Conn.Serve, then Conn.Finish, which ends with the close handshake.
//
// Writing. Send appends a frame to the connection's outbound queue, which has bounds on
// frames and bytes, and never waits. The connection of a client that does not read is closed
// when its queue is full. Frames that other peers send to the client alone go through
// Conn.SendFrom: they cannot fill the queue, and each peer has a share. A connection with something to write is in the server's write
// queue. A few goroutines take the connections from it in turn and write all queued frames
// with one system call, which does not wait either. If the network does not accept
// everything at once, a goroutine that lives as long as that write writes the rest. An idle
// connection therefore has no buffer, and no goroutine but its reader.
//
// Resuming. The retransmit buffer keeps the last frames that were written until a pong
// confirms them. When the connection ends, [Conn.Remains] returns these frames, and the
// frames that were never written, for the client's next connection.
//
// Liveness. Conn.Sweep, which the owner calls once a second, sends pings and ends
// connections that are idle, stuck in a write, or late with their close handshake.
//
// A connection's mutex is taken before the write queue's. No other lock is taken under
// them. Only the callbacks of [Config], which must not block, run under them, and neither
// is held during a system call.
package socket
