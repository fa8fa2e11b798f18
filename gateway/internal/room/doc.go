// Package room keeps a gateway's replicas of rooms, and sends their members updates and
// messages. The room service owns rooms; a gateway has a replica of each room that has a
// member at the gateway.
//
// Like package roomsvc, it has a pure core and a thin shell. The core has no lock, clock or
// I/O. A State is a room at a revision; Apply and Replace, the only ways to change it,
// return a Diff. A Batch collects diffs, and turns them into the Update of a member that
// has not seen them. Moved remembers members that are at other gateways now.
//
// The shell is Rooms, the table of replicas. A replica applies changes in the order of
// their revisions and fetches the room when a change is missing (replica.go), brings its
// local members in line with it (change.go), sends them the answers to their requests at
// once (announce.go) and other changes in batches (updates.go), delivers messages to them
// (message.go), and removes peers whose sessions have ended (depart.go). Rooms compares
// revisions with the room service, because a change may be lost (sync.go). It tells who may
// send to a member (admit.go). The interfaces
// that it needs from the gateway are in port.go.
//
// The lock of a room is taken before the locks of relays and of members. While it is held,
// no method of a Member, of Relays or of a Requester may wait for a room.
package room
