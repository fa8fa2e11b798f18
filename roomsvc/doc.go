// Package roomsvc is the room service: the only writer of rooms, and of the directories of
// sessions and of names. It keeps nothing outside its JetStream buckets, except the requests
// that it is working on. Any number of instances may run at the same time; none of them leads.
//
// A request about a room passes:
//
//	endpoints.go       a NATS message becomes an operation
//	internal/room      what it does to a room, and what it refuses: pure
//	internal/commit    one goroutine per busy room commits the waiting operations in one write
//	internal/kv        what a bucket must do; internal/store does it with JetStream
//	endpoints.go       publishes the change to the gateways, and the reply to the requester
//
// Requests to the directories of sessions and of names take a path of their own, so that
// rooms, sessions and names do not wait for each other:
//
//	directories.go       a NATS message becomes a request
//	internal/directory   decides it, in one compare-and-set
//
// Requests about many rooms, and for keys, are jobs outside the rooms' queues (jobs.go):
//
//	internal/query     lists rooms, and compares revisions
//	internal/signing   the keys that sign session tokens
//
// Besides requests, internal/sweep tracks which gateways are alive, and removes the members,
// sessions and names that a dead one left behind (sweeper.go says what that is). shared.go
// announces this instance's settings, and applies the strictest of all. internal/metrics
// counts; ops.go serves operators.
//
// # Why every answer is linearizable
//
// What changes something is decided by a compare-and-set write: its success proves that the
// answer was derived from the latest state. What changes nothing (refusals, reads) needs a
// confirmation that the state was the latest at some moment since the request came: kv.Bucket's
// Confirm. A cached state may be old, and so may a read answered by a JetStream leader that
// has been replaced without knowing it yet.
package roomsvc
