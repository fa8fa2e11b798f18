package link

import (
	"maps"

	"p2pconnector/proto"
)

// MaxFenced bounds the senders that a Fence remembers.
const MaxFenced = 256

// Fence keeps the order of senders that move, for one receiver. Frames that a sender sent
// from an earlier owner of its session may arrive behind frames from a later owner, on
// another link; the epoch of the sender's session shows which are older. The fence belongs
// to the receiver's session and moves with it, because the receiver's next gateway has not
// seen the earlier frames. The zero value is ready. Not safe for concurrent use.
type Fence struct {
	newest map[proto.PeerID]uint64 // of senders that have moved
}

// Pass reports whether a frame that from sent in the given epoch may be delivered. It keeps
// no reference to from.
func (f *Fence) Pass(from proto.PeerID, epoch uint64) bool {
	newest := f.newest[from]
	if epoch > newest {
		if f.newest == nil {
			f.newest = make(map[proto.PeerID]uint64)
		}
		if len(f.newest) >= MaxFenced && newest == 0 {
			for p := range f.newest { // any sender: those that still send are added again
				delete(f.newest, p)
				break
			}
		}
		f.newest[proto.PeerID([]byte(from))] = epoch
	}
	return epoch >= newest
}

// Epochs returns the newest epoch of each sender, for the receiver's next gateway.
func (f *Fence) Epochs() map[proto.PeerID]uint64 { return maps.Clone(f.newest) }

// Merge adds the epochs from the fence at the receiver's former gateway.
func (f *Fence) Merge(epochs map[proto.PeerID]uint64) {
	for p, epoch := range epochs {
		f.Pass(p, epoch)
	}
}
