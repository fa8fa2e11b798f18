// Package room decides what operations do to a room. It is pure: it has no clock, no lock
// and no NATS in it, and the same input has the same result. Package commit runs it.
//
//	check.go         refuses what is invalid whatever the room's state is
//	state.go         Apply: what a batch of operations does to a room, in one commit
//	rules.go         what each operation does, and what it refuses
//	moderate.go      who may, roles and bans
//	waiting.go       peers that wait to be admitted to a locked room
//	idempotency.go   records of operations, so that a retry changes nothing twice
//	codec.go         a room as the bucket holds it
//	replies.go       what a commit announces to gateways, and the replies to the requesters
//
// An operation may reach the service more than once, on different instances and much later
// than it was sent. The room records an operation that took effect under the operation's id
// (bus.Done). It does not record a refusal, which changes nothing, unless the request says
// that it is a retry. Then another copy of the request may still be on its way; it must find
// the refusal and not a room that has changed in the meantime.
package room
