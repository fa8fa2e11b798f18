// Package topic is publish and subscribe for the clients of dialects, over all gateways. A
// topic is any text in a namespace, one for each dialect. Whoever knows the text may
// subscribe and publish; nothing is stored.
//
// Between gateways a topic is a room of the room service, whose members are the gateways
// with subscribers: bus.TopicRoom and bus.TopicMember. So interest grows with gateways and
// not with clients, a publication goes to gateways with subscribers only, once to each, over
// the acknowledged links of rooms, and a dead gateway is swept as a dead member is.
//
// # Order
//
// A subscription takes effect when the room service has made this gateway a member. From
// then on the gateway's replica of the room names every gateway that has joined before.
// [Client.Publish] waits until the client's earlier subscriptions have taken effect. So of
// two clients that subscribe and then publish, the one whose gateway joined later reaches
// the other: they cannot miss each other, although each publishes once.
//
// If the room is lost, or its other gateways cannot be reached, publications may have been
// missed. The gateway then closes the connections concerned: the clients connect, subscribe
// and announce themselves again.
//
// A publication does not wait for a gateway that is considered dead. When that gateway turns
// out to be alive, it has missed the publication, if it is still a member of the room. So the
// connections of the topic's subscribers are closed then.
//
// # Locks
//
// The lock of a room is taken before that of a Table, then that of an entry, then those of
// receivers and connections. No lock is held while a Table calls its Rooms.
package topic
