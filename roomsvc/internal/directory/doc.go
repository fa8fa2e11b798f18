// Package directory keeps two directories: that of sessions, which says which gateway owns
// the session of a peer that has moved, and that of names, which says which peer a name
// stands for.
//
// They are one mechanism with two sets of rules. directory.go queues a request, decides it
// by the entry that the bucket holds under its key, and writes the next entry by
// compare-and-set: so any number of instances may run, and each answer is linearizable.
// sessions.go and names.go say, in pure functions, what a request does to an entry and when
// it is refused. sync.go and list.go read many entries in one pass.
//
// A write is the proof that the entry was the latest. An answer without a write (a refusal,
// a look-up, a repeated request) needs a confirmation from the bucket instead.
//
// A write may get no answer, and take effect all the same. The request is then decided again
// by the entry that is there. When it would be refused, nobody can say whether it took effect
// before another request replaced what it wrote, so it is answered with Unavailable: a
// refusal always means that a request had no effect.
package directory
