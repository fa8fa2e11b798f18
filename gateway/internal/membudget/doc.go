// Package membudget bounds the memory that all clients together make a gateway use for
// their buffers. Every buffer that a client can fill takes its bytes from one [Budget] and
// gives them back.
//
// A buffer that finds no room is refused when it grows. What happens then is up to its
// owner: the sender of the frame gets an error, and the receiver learns that frames are
// missing. Who is refused first, as the budget is used up:
//
//	large buffers  A buffer may hold a share of the bytes that are left: the more the others
//	               hold, the smaller is the share. So the owner of a large buffer is refused
//	               before the budget is used up, while small buffers still get room. A buffer
//	               of 4 KiB or less is never above its share.
//	Retransmit     at a quarter of the budget, which these buffers have for themselves: frames
//	               that clients have not confirmed; the oldest are forgotten earlier than usual
//	Large          when the others use nine sixteenths: single frames above the bound of a queue
//	Replay         at nine sixteenths as well: frames for clients that are away
//	Queue          at ten sixteenths: queues of clients that do not read. The queue of a client
//	               that reads is never refused; it is written at once, before it gets more
//	Requests       at ten sixteenths as well: frames that wait for room requests
//
// When the buffers that share use more than one half of the budget, the gateway sheds the
// largest of clients that are away or do not read, until they use at most three eighths: see
// [Largest]. A large frame counts as part of its client's queue. Clients that came early cannot keep the budget from those that come later, because
// shedding begins below every bound.
//
// Retransmit is not shed, and neither uses up nor shares what the others have: these frames
// are of clients that read. When all of their connections break at once, the frames move to
// Replay, which alone does not cause shedding. Requests end by themselves, within 12 s.
//
// Pending handshakes have the last eighth for themselves, and do not share it: see
// [PendingBytes]. An attack on the buffers leaves room for a client that comes back to fetch
// what waits for it.
package membudget
