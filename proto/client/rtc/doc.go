// Package rtc makes WebRTC connections with pion (github.com/pion/webrtc) between peers that
// package client connects to a server: it exchanges offers, answers and candidates, and keeps
// a connection when its path or the server goes away. The other side may be a program with
// this package or a page with connector.js.
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
// # Connecting
//
// [Peers] holds one [Peer] for each other peer. [Peers.Connect] begins one, [Config].Accept
// decides whether an offer of another peer begins one, and [Config].Setup adds channels and
// tracks to it, on both sides. Tracks may be added to [Peer.Connection] later, by both sides
// at once: the negotiation that this needs is perfect negotiation, in which the offer of the
// peer with the lower id gives way.
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
// # Limits
//
// Signals wait while the client is disconnected. Of each connection, 320 signals and changes
// may wait, and 256 candidates for a description; what is beyond is dropped, and the
// connection is tried again as if it was lost. pion cannot take back a description: an offer
// that it cannot use ends the connection, with the reason in [Peer.Err].
package rtc
