// Package webtorrent is a WebTorrent tracker: unmodified clients built on the npm package
// bittorrent-tracker 11 use the gateway in place of that package's server. Such clients are
// WebTorrent, P2PT, P2P Media Loader and PeerTube's player.
//
// A client connects a WebSocket to /announce and sends JSON. Info hashes and peer ids are
// strings of 20 characters, one for each byte. It joins a swarm by an announce, which may
// carry offers: each goes to another member of the swarm, drawn at random. Answers go to the
// member that their to_peer_id names. A scrape asks for the counts of swarms.
//
// # Homes
//
// Each swarm has a home: the gateway that ranks highest for the info hash among those that are
// alive, serve trackers and do not drain (rendezvous hashing). The home has the whole swarm in
// memory, so it draws members evenly and its counts are exact. The gateway of a client passes
// the client's texts to the home, unchanged; what the home sends is ready for the client.
//
// Swarms do not use rooms. A room would write each arrival and each finished download to the
// room service's bucket, and tell every member of it. A swarm may be lost at any time, because
// its members announce again, so it needs neither.
//
// When the home of a swarm changes, because a gateway has come, drains or is dead, the gateway
// of each member registers the member with the new home, which makes its client announce again
// soon, with fresh offers. The same happens to an announce that does not reach its home. Until
// then the two homes may both draw members, each from those that it knows.
//
// # Frames
//
// Frames from a client to a home go to the peer id that Service returns, which no client has.
// Frame.N distinguishes the frames: toHome or toClient. A frame that comes back to its sender
// with toHome never reached the home.
package webtorrent
