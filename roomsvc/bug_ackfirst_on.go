//go:build chaosbug_ackfirst

package roomsvc

const bugAckFirst = true
