// Package membudget bounds the memory that all clients together make a gateway use for
// their buffers. Every buffer that a client can fill takes its bytes from one [Budget] and
// gives them back.
//
// A buffer that finds no room is refused when it grows. What happens then is up to its
// owner: the sender of the frame gets an error, and the receiver learns that frames are
// missing. Who is refused first, as the budget is used up:
//
//	who holds most  A buffer may hold a share of the bytes that are left: the more the
//	                others hold, the smaller is the share. So whoever fills large buffers is
//	                refused before the budget is used up, while small buffers still get room.
//	                A buffer of 4 KiB or less is never above its share.
//	Retransmit      at three eighths of the budget: frames that clients have not confirmed;
//	                the oldest are forgotten earlier than usual
//	Large           at one half: single frames above the bound of a queue
//	Replay          at six eighths: frames for clients that are away
//	Queue           at seven eighths: queues of clients that do not read. The queue of a client
//	                that reads is never refused; it is written at once, before it gets more
//	Requests        at seven eighths as well: frames that wait for room requests
//
// When more than five eighths are used, the gateway sheds the largest buffers of clients that
// are away or do not read, until at most one half is used: see [Largest]. Clients that came
// early cannot keep the budget from those that come later. Retransmit and Large are left out:
// they are of clients that read, and their part ends at one half. Requests end by themselves,
// within 12 s.
//
// Pending handshakes have the last eighth for themselves, and do not share it: see
// [PendingBytes]. An attack on the buffers leaves room for a client that comes back to fetch
// what waits for it.
package membudget
