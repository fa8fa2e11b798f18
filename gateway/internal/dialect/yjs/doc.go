// Package yjs serves clients of y-webrtc, the WebRTC provider of Yjs, as its signaling
// server bin/server.js does: clients subscribe to topics, and publish to all subscribers.
//
// What differs from that server, and no client of y-webrtc notices:
//
//   - A signal for one peer goes to the connections that have published as that peer in the
//     topic, and not to all subscribers: for a mesh of n clients that is n² and not n³
//     signals. In encrypted rooms the server cannot read for whom a signal is.
//   - A publication arrives as it was sent, without the number of clients, which no client
//     reads and no gateway knows.
//   - A publication waits until the client's subscriptions have taken effect at all gateways:
//     a client announces itself only once.
//   - A text that is not JSON is ignored. It ends that server.
//   - The connection is closed with 1013 when publications may have been missed, or a topic
//     cannot be joined: the client connects, subscribes and announces itself again.
package yjs
