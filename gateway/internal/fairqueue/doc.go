// Package fairqueue shares a service that can do only so much at once among those who use
// it. Few who want much, such as clients that make rooms as fast as they can, so do not keep
// the others waiting.
//
// A [Queue] has a number of slots. Whoever uses the service takes one until the service has
// answered. Users with the same [Key], for example all clients of one address, have at most
// a quarter of the slots. When none is free, users wait, and the keys take turns: however
// many users one key has, each other key waits for one of them at most.
package fairqueue
