package link

import (
	"maps"

	"p2pconnector/proto"
)

// MaxFenced bounds the senders that a Fence remembers.
const MaxFenced = 256

// Fence keeps the order of senders that move, for one receiver. What a sender sent
// from an earlier owner of its session may arrive behind what it sends from a later
// one, on another link; the epoch of the sender's session shows it. The fence belongs to
// the receiver's session and moves with it: a gateway that the receiver comes to has
// not seen what it has. The zero value is ready. Not safe for concurrent use.
type Fence struct {
	newest map[proto.PeerID]uint64 // of senders that have moved
}

// Pass reports whether a frame that from sent in an epoch may be delivered. It keeps no
// reference to from.
func (f *Fence) Pass(from proto.PeerID, epoch uint64) bool {
	newest := f.newest[from]
	if epoch > newest {
		if f.newest == nil {
			f.newest = make(map[proto.PeerID]uint64)
		}
		if len(f.newest) >= MaxFenced && newest == 0 {
			for p := range f.newest { // any one: those who still send come back
				delete(f.newest, p)
				break
			}
		}
		f.newest[proto.PeerID([]byte(from))] = epoch
	}
	return epoch >= newest
}

// Epochs returns what the fence knows, for the receiver's next gateway.
func (f *Fence) Epochs() map[proto.PeerID]uint64 { return maps.Clone(f.newest) }

// Merge takes in what the fence at the receiver's former gateway knew.
func (f *Fence) Merge(epochs map[proto.PeerID]uint64) {
	for p, epoch := range epochs {
		f.Pass(p, epoch)
	}
}
