// Package relay carries frames to the peers of other gateways and from them. Package link
// decides which route a relay takes, when it is sent again and when it is given up:
//
//	links.go       gives it the clock, the lock and NATS
//	deliver.go     delivers the relays of other gateways, and the frames of back ends
//	reorder.go     holds messages that were sent by a newer state of a room than has arrived
//	undelivered.go reports to senders what did not arrive
//	header.go      the headers of a relay
package relay
