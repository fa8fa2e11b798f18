// Package egress limits the bytes that clients send, and the bytes that they make a gateway
// send. A message to a room of 1,000 costs a thousand times its size, so a limit on frames, or
// on bytes received, does not bound it.
//
// There are four budgets, each a number of bytes a second with a burst of
// [ratelimit.ByteBurst]:
//
//   - received: what one client sends.
//   - caused: what one client makes be sent to more than one receiver, and the answers to it
//     that grow with the size of a room.
//   - room: what the members at this gateway send to one room.
//   - total: what all clients of this gateway make be sent.
//
// A client pays before anything is sent: [Client.Receive] for each frame, then [Client.Relay]
// for a frame to one peer, or [Client.Fanout] for one to several. A frame pays from all its
// budgets or, when one is short, from none; the [Refusal] says how long to wait. After that
// time the same frame passes, unless others spend from a shared budget in the meantime. For
// any cost three quarters of the burst are enough. What costs more than the burst leaves the
// client's own budgets in debt, for at most a minute. The budgets that clients share are only
// emptied, never left in debt: one client's frame, however large its room is, must not keep
// the others waiting. What such a frame costs beyond that, only the client's own budget
// bounds.
//
// The client's own budgets belong to its session, and go on when it resumes here. What a
// connection has used is also left to the next new session of its address, so that connecting
// again does not bring a full budget. It is left when the connection begins to end, before
// the client knows. The most that one connection left counts, not the sum: many clients behind
// one address do not use up each other's budgets.
//
// A frame to one peer is no more bytes out than in. It pays only from the total, so that a
// client in debt can still send signals. A quarter of the total's burst is reserved for such
// frames: messages to rooms cannot stop the signals of other clients.
//
// [Client.Answer] and [Client.Query] ask whether an answer is affordable before the work for it
// begins, and [Client.Spend] pays when its size is known.
package egress
