// Package directory asks the session directory, which the room services keep, which gateway
// owns a session. A [Client] translates between the directory's requests and the answers
// that package ownership needs. A [Suspicion] tells when all sessions must be compared with
// the directory.
package directory
