// Package roomsvc is the room service: it alone changes rooms, and it keeps
// nothing that is not in the JetStream bucket, except the operations that it is
// committing at the moment. Any number of instances may run, on the same rooms
// at the same time; none of them leads.
//
// A request's way through the files:
//
//	endpoints.go   a NATS message becomes an operation (check.go refuses malformed ones)
//	committer.go   operations queue up, per room
//	worker.go      one goroutine per busy room commits what waits, all in one write
//	state.go       what a batch of operations does to a room: no clock, no lock, no NATS in it
//	rules.go       what each operation does, and what it refuses
//	memory.go      operations that a room remembers, so that their retries change nothing twice
//	store.go       the bucket: compare-and-set in JetStream
//	announce.go    what changed goes to the gateways, and the reply to the one that asked
//
// Beside requests, leases.go follows which gateways live, and sweep.go removes
// the members that a dead one left behind.
//
// # Why every answer is linearizable
//
// A batch that changes its room is decided by the compare-and-set write: its
// success proves that the state from which all answers of the batch were derived
// was the room's state at that moment. A batch that changes nothing (refusals,
// reads) must prove the same in another way, since a cached state, and a read
// answered by a JetStream leader that has been replaced without knowing it yet,
// may be old: bucket.confirm.
//
// An operation may reach the service more than once, on different instances and
// much later than it was sent. What took effect is remembered under the
// operation's id (proto.Done). A refusal changes nothing, so it is not written
// down, unless the request says that it is a retry: then a copy of it may still
// be on its way, and must find the refusal and not a room that has changed since.
package roomsvc
