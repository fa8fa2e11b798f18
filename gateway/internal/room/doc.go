// Package room holds what a gateway knows of rooms, and what it sends their members. The
// room service owns rooms; a gateway has a replica of each room that has a member here.
//
// Like package roomsvc, it has a pure core and a thin shell. The core has no lock, clock or
// I/O: a State is a room at a revision, and Apply and Replace, the only ways to change it,
// return a Diff; a Batch collects diffs, and turns them into the Update of a member that
// has not seen them. Moved remembers members that are at other gateways now.
//
// The shell is Rooms, the table of replicas. A replica takes in changes in the order of
// their revisions and fetches the room when one is missing (replica.go), brings its local
// members in line with it (change.go), sends them what they asked for at once (announce.go)
// and the rest in batches (updates.go), hands them messages (message.go), and removes peers
// whose sessions have ended (depart.go). Rooms compares revisions with the room service,
// because a change may be lost (sync.go). What it needs of the gateway is in port.go.
//
// The lock of a room is taken before those of relays and of members, and while it is held
// no method of a Member, of Relays or of a Requester may wait for a room.
package room
