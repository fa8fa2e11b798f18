// Package nostr serves clients of Trystero's default strategy, nostr, with the part of
// NIP-01 that they use: ephemeral events with one tag x, and filters for it.
//
//	client  ["REQ",<sub>,{"#x":[<topic>…],…}…]  subscribe; the same sub again replaces it
//	        ["CLOSE",<sub>]
//	        ["EVENT",{"kind":20000…29999,"id":…,"tags":[["x",<topic>],…],…}]
//	server  ["EVENT",<sub>,<event>] for each subscription with the event's topic
//	        ["EOSE",<sub>] after REQ, when it has taken effect at all gateways, ["OK",<id>,<accepted>,<reason>] after EVENT,
//	        ["CLOSED",<sub>,<reason>] for a filter without #x, ["NOTICE",<reason>]
//
// Nothing is stored. Other conditions of a filter are ignored: a topic is a digest that only
// those who know the room can name, and the clocks of clients differ. Ids and signatures are
// not verified, because the clients do not rely on them.
//
// A client of Trystero never comes back to a relay that has answered CLOSED, or OK with
// false for another reason than rate-limited. So limits give NOTICE and rate-limited.
package nostr
