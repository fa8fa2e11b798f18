//go:build !chaosbug_ackfirst

package roomsvc

// bugAckFirst answers before the commit. The chaos suite is built with it on to
// show that it notices.
const bugAckFirst = false
