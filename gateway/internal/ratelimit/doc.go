// Package ratelimit holds token buckets. A bucket has at most Burst tokens and gets
// PerSecond of them each second. Each limited action takes one token, and is refused when
// there is none. So a caller may do Burst actions at once, and PerSecond a second after that.
//
//   - [Bucket] is for one caller, whose state the user of the package keeps: the frames of
//     one connection, or all new connections of the gateway. It has no lock and no clock.
//   - [Addresses] has a bucket for each network address, in a bounded table with a lock.
//   - [ByteBucket] counts bytes in place of actions, for callers that share it. Its burst is
//     what it gets in [ByteBurst].
//
// A refusal takes no token, so a caller that goes on trying still gets its full rate.
//
// The package decides only whether an action may happen now. Its users decide what is
// limited, by how much, and what a refusal means. Rates are measured with a monotonic
// clock: setting the time of day changes nothing.
package ratelimit
