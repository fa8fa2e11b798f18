package rtc

import "github.com/pion/webrtc/v4"

// DataChannel adds the data channel that connector.js has in every connection (label p2p,
// negotiated, id 0, in order, reliable), so that neither side has to announce it. Call it in
// Config.Setup, on both sides.
func DataChannel(pc *webrtc.PeerConnection) (*webrtc.DataChannel, error) {
	return pc.CreateDataChannel("p2p", &webrtc.DataChannelInit{Negotiated: new(true), ID: new(uint16(0))})
}
