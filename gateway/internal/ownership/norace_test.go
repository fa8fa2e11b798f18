//go:build !race

package ownership

// searchLimit 0 is no limit: a search visits every state within its bounds.
const searchLimit = 0
