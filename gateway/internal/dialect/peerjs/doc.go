// Package peerjs lets unmodified clients of PeerJS use the gateway: the npm package peerjs
// 1.5, whose own server is the npm package peer 1.0 (PeerServer).
//
// A client connects a WebSocket to any path that ends in /peerjs, with key, id and token in
// the query. Its id is a name in the directory of names, so that clients on different
// gateways find each other. Refusals come over the WebSocket, because an application that
// is refused over HTTP calls reconnect at once and in a loop.
//
//	id, token or key missing       ERROR, closed
//	another key, an id too long    ERROR, closed
//	id in use with another token   ID-TAKEN, closed
//	id in use with the same token  OPEN; the former connection is closed
//	else                           OPEN
//
// OFFER, ANSWER, CANDIDATE and LEAVE go to the client that dst names, with src set by the
// gateway. HEARTBEAT and everything unknown or malformed is ignored, as PeerServer does:
// ERROR would make the client give up all its connections. When nobody has the name dst,
// OFFER, ANSWER and CANDIDATE wait until somebody does. After 5 seconds their sender gets one
// EXPIRE for all that wait for the name.
//
// # States of a frame
//
//	sent      relayed to the peer that has the name
//	returned  that peer was not found, or its connection ended before the frame was written:
//	          the frame waits, and the name is looked up again
//	waiting   in the order in which the client sent the frames for one name; later frames for
//	          it wait behind
//	expired   it waited too long, came back too often, found no room to wait in, or may be lost
//
// A frame that was written to the receiver's WebSocket is not confirmed, as with PeerServer.
//
// # States of a peer
//
//	greeted  its id is claimed; it has not got OPEN, and frames for it are declined
//	open     it has its id
//	away     its WebSocket broke: the session keeps frames for it, and answers no question
//	lost     another peer has its id: frames for it are declined, and it ends
//	ended    its id is given back, unless lost; frames that were kept are returned
//
// A client that comes back is another peer, which claims the id with the same secret. The
// claim names the former peer, which is asked to stop using the id. So the frames that were
// kept reach the new peer by the way that every returned frame goes.
package peerjs
