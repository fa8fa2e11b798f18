//go:build !race

package gateway

// raced reports whether the race detector is on, under which a sync.Pool drops items.
const raced = false
