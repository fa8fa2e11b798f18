//go:build !chaosbug_norev

package roomsvc

// bugNoRevision forgets the revision check on writes. The chaos suite is built
// with it on to show that it notices.
const bugNoRevision = false
