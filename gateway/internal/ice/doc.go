// Package ice lists the ICE servers that clients get: those of the settings, those of a
// provider, and TURN servers that share a secret with the gateway. For these, each client
// gets a credential of its own, which expires.
//
// A provider is Cloudflare, Twilio, or any URL that answers with servers and credentials that
// expire:
//
//	request   GET, or POST when there is a body; headers from a file, read for each request
//	answer    [server, …], {"iceServers": server or list} or {"ice_servers": list, "ttl": seconds}
//	next      after half of the time that the credentials work
//	failure   again after 1 s, then after twice as long each time, 5 min or an eighth of the life at most
//
// A list that a browser would refuse is a failure: one bad server would keep a page from making any
// connection. The last good list stays until there is another one, also when its credentials
// have expired, because STUN servers need none.
//
// All clients of a gateway share the provider's credentials. Neither the headers nor the URL,
// which may contain a key, appear in errors and logs.
package ice
