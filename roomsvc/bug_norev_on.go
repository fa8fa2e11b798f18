//go:build chaosbug_norev

package roomsvc

const bugNoRevision = true
