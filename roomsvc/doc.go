// Package roomsvc is the room service: it alone changes rooms, and it keeps
// nothing that is not in the JetStream bucket, except the operations that it is
// committing at the moment. Any number of instances may run, on the same rooms
// at the same time; none of them leads.
//
// A request's way through the files:
//
//	endpoints.go   a NATS message becomes an operation (check.go refuses malformed ones)
//	committer.go   operations queue up, per room
//	worker.go      one goroutine per busy room commits the waiting operations in one write
//	state.go       what a batch of operations does to a room: no clock, no lock, no NATS in it
//	rules.go       what each operation does, and what it refuses
//	memory.go      idempotency records, so that a retry changes nothing twice
//	store.go       the bucket: compare-and-set in JetStream; revisions.go tells a new bucket from an old one
//	usage.go       how full a bucket is; streams.go limits its stream, purge.go frees space when JetStream has none
//	buckets.go     all buckets: makes those that JetStream has lost, knows whether they can be written
//	announce.go    publishes the change to the gateways, and the reply to the requester
//
// Requests to the directories of sessions and of names take a path of their own, package
// directory, so that rooms, sessions and names do not wait for each other. directories.go
// turns NATS messages into such requests.
//
// Besides requests, package sweep tracks which gateways are alive, and removes the members,
// sessions and names that a dead one left behind. shared.go announces this instance's
// settings, and applies the strictest of all.
//
// # Why every answer is linearizable
//
// A batch that changes its room is decided by the compare-and-set write: its
// success proves that the state from which all answers of the batch were derived
// was the room's state at that moment. A batch that changes nothing (refusals,
// reads) must prove the same in another way: bucket.confirm. A cached state may
// be old, and so may a read answered by a JetStream leader that has been
// replaced without knowing it yet.
//
// An operation may reach the service more than once, on different instances and
// much later than it was sent. The room records an operation that took effect
// under the operation's id (bus.Done). It does not record a refusal, which
// changes nothing, unless the request says that it is a retry. Then another copy
// of the request may still be on its way; it must find the refusal and not a room
// that has changed in the meantime.
package roomsvc
