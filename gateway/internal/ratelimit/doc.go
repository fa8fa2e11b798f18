// Package ratelimit holds token buckets. A bucket has at most Burst tokens and gets
// PerSecond of them each second; what is limited takes one, and is refused when there is
// none. So a caller may do Burst things at once, and PerSecond a second after that.
//
//   - [Bucket] is for one caller whose state somebody else keeps: the frames of one
//     connection, or all new connections of the gateway. It has no lock and no clock.
//   - [Addresses] has a bucket for each network address, in a bounded table with a lock.
//
// A refusal takes no token, so a caller that goes on trying gets its rate and no less.
//
// The package decides only whether something may happen now. What is limited, by how
// much, and what becomes of whoever is refused is decided by its callers. Rates are
// measured with a monotonic clock: setting the time of day changes nothing.
package ratelimit
