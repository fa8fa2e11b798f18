//go:build race

package ownership

// searchLimit bounds a search under the race detector, which makes it ten times slower and
// cannot find anything: the state machines have no goroutines. CI searches everything in a
// step without it.
const searchLimit = 20_000
