// Package rtc makes WebRTC connections with pion (github.com/pion/webrtc) between peers that
// package client connects to a server: it exchanges offers, answers and candidates, and keeps
// a connection when its path or the server goes away. The other side may be a program with
// this package or a page with connector.js.
//
// # Connecting
//
// [New] makes [Peers], which hold one [Peer] for each other peer. They see the frames of the
// client by [Peers.Handle]:
//
//	calls := rtc.New(c, rtc.Config{
//		Accept: func(from proto.PeerID) bool { return true },
//		Setup: func(p *rtc.Peer, pc *webrtc.PeerConnection) error {
//			channel, err := rtc.DataChannel(pc)
//			if err == nil {
//				channel.OnMessage(func(m webrtc.DataChannelMessage) { … })
//			}
//			return err
//		},
//	})
//	defer calls.Close()
//	for f := range c.Frames() {
//		if calls.Handle(f) {
//			continue // it was a signal
//		}
//		…
//	}
//
// [Peers.Connect] begins a connection, [Config].Accept decides whether an offer of another
// peer begins one, and [Config].Setup adds channels and tracks to it, on both sides. Connect
// returns before there is a path: [Config].Changed reports that. Whom to connect to is the
// application's choice; in a room it is usually the newcomer that connects to all members.
//
// # Data and media
//
// [DataChannel] adds the channel that connector.js has too. [Writer] sends a stream of any
// length over a channel, and waits while the other side is slow. All else is pion's:
// [Peer.Connection] is a *webrtc.PeerConnection. Tracks may be added to it at any time, by
// both sides at once: the negotiation that this needs is perfect negotiation, in which the
// offer of the peer with the lower id gives way.
//
// # Coming back
//
// When the client has resumed its session, each connection sends again what may have been
// lost, and one without a path restarts ICE. So does one whose path broke while the client
// stayed. Data channels and tracks outlive that. A connection without a path is tried 6
// times, [Config].Patience apart, and is [Failed] then; the next signal of the other side, a
// resume or [Peer.Restart] tries again. When the session was lost, the client is another peer, and all
// connections end with [ErrLost].
//
// When the other side begins anew, as a page that is loaded again does, the Peer stays and
// gets a new connection, for which Setup is called again.
//
// # The end
//
// [Peer.Close] ends one connection, and [Peers.Close] all of them: the other sides learn it.
// Close Peers before the client. A connection that has ended is [Closed], and [Peer.Err] says
// why:
//
//   - [ErrLeft]: the other side closed it, or is not there. Remove what is shown of the peer.
//   - [ErrLost]: the session was lost. Join the rooms again and connect to their members.
//   - [ErrClosed]: this side closed it.
//   - any other error, of Setup or of pion, made it unusable. Connect begins a new one.
//
// A [Failed] connection has not ended: it counts for [Config].MaxPeers until it is closed.
// Usually both sides are behind firewalls then, and the server needs a TURN server.
//
// # Limits
//
// Signals wait while the client is disconnected. Of each connection, 320 signals and changes
// may wait, and 256 candidates for a description; what is beyond is dropped, and the
// connection is tried again as if it was lost. pion cannot take back a description: an offer
// that it cannot use ends the connection, with the reason in [Peer.Err].
//
// # Concurrency
//
// All methods of Peers and Peer may be called by any goroutine at any time, except that one
// goroutine calls Handle, with each frame in order. Handle does not wait. Setup and Changed
// are called by the goroutine of their connection, one call after another, and hold it up:
// work that takes time belongs in a goroutine of its own. They must not call Peers.Close.
package rtc
