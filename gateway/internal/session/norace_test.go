//go:build !race

package session

// searchLimit is none: a search visits every state within its bounds.
const searchLimit = 0
