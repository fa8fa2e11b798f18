// Package link holds the state machines that carry frames from gateway to
// gateway: in order, at most once, and acknowledged. They have no goroutine, no
// clock, no lock and no I/O: callers pass the time to each method, and its results,
// or calls of a Port, tell what to publish, deliver or report.
//
// # Links
//
// A link leads from one gateway to another. The Sender numbers frames from 1 and
// keeps them in its window until the Receiver has acknowledged them. An
// acknowledgement means that the receiving gateway is responsible for the frame: it
// has queued the frame for a connection, buffered it for a peer that is away, or
// refused it with a reason that the acknowledgement carries.
//
//	sender                                        receiver
//	base    lowest number in the window           next     lowest number not taken
//	head    newest number                         refused  reasons, kept until base passes
//
//	event                          receiver does
//	data (n, base), base > next    next = base: the sender gave up all numbers below
//	data, n == next                takes it, or refuses it with a reason; next++
//	data, n > next                 discards it: a hole; acks at once, one time for each next
//	data, n < next                 discards it: a duplicate, or a frame that its sender gave up
//	poll (base, head)              acks at once, with all refusals from base on
//
//	event                          sender does
//	ack (from, next), from <= base removes all numbers below next from the window
//	ack, from > base               polls: an earlier ack is lost, with its refusals
//	ack of a hole                  resends the window from base, one time for each base
//	ack of a poll, below its head  the same, unless it resent after that poll
//	503: no subscriber             stops publishing, polls after 100, 300, 900 ms, then each second
//	ack of a poll since then       publishes the window from base
//	1.5 s unacknowledged           polls, once a second
//	1.5 s of 503, or 10 s          gives the oldest up: base passes it, and a poll carries the new base
//
// The sender resends only when an ack proves that something is missing, so a slow
// network causes no resends. Because the receiver takes numbers only in order,
// delivery is in order and at most once whatever is lost, repeated or late. Prior
// art: TCP, Akka's AckedSendBuffer, XEP-0198.
//
// # Routes
//
// A Router decides which link a frame takes. A peer without a route is at its home,
// the gateway that issued its id. Routes are fenced by epochs, which only grow. When
// a route changes while the window of the old link holds frames, new frames for that
// peer wait until base has passed the head that the link has at that time. Frames that
// come back as moved are sent first, in their order. So one gateway at a time has a
// frame, and no frame overtakes another. A room message goes to each gateway once.
// Members whose frames wait are the exception: each of them gets the message like a
// frame for one peer.
package link
