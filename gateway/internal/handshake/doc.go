// Package handshake answers WebSocket handshakes: it upgrades those that may connect, and
// tells all others why they may not.
//
// A handshake is checked in this order, the cheapest first:
//
//	the host       is it the gateway's? (package admission)
//	its form       a method, a version and a key as RFC 6455 wants them
//	the gateway    does it accept anybody now?
//	the address    its rate of handshakes (package admission)
//	the page       its origin (package admission)
//	the client     its access token (package auth)
//	the limits     connections in total and per address (package admission)
//
// A refusal is an HTTP status. Browsers hide that from the page, so a page gets an error
// frame and a close code over a WebSocket of its own where that may help it; there is a
// bound for such WebSockets.
package handshake
