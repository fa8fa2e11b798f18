// Package handshake answers WebSocket handshakes: it upgrades the clients that may connect,
// and sends all others the reason for the refusal.
//
// A handshake is checked in this order, the cheapest first:
//
//	the host       is it the gateway's? (package admission)
//	its form       the method, version and key that RFC 6455 requires
//	the gateway    does it accept clients now?
//	the address    its rate of handshakes (package admission)
//	the page       its origin (package admission)
//	the client     its access token (package auth)
//	the limits     connections in total and per address (package admission)
//
// A refusal is an HTTP status. Browsers hide the status from the page. Where the reason may
// help a page, the handshake is accepted and the page gets an error frame and a close code
// over that WebSocket. The number of such WebSockets is bounded.
package handshake
