// Package room holds what a gateway knows of rooms, and what it sends their members.
//
// Like package roomsvc, it has a pure core: State is a room at a revision, and Apply and
// Replace are the only ways to change it; both return a Diff. A Batch collects diffs, and
// turns them into the Update of a member that has not seen them. None of these has a lock,
// a clock or I/O.
package room
