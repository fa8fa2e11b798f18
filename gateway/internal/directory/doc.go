// Package directory asks the session directory, which the room services keep, which gateway
// owns a session: a [Client] translates between its requests and the answers that package
// session decides by. [Suspicion] says when all sessions must be compared with it.
package directory
