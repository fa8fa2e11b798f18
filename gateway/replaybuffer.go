package gateway

import "p2pconnector/proto"

// replayBuffer holds frames for a peer that is away: proto.ReplayFrames or proto.ReplayBytes.
type replayBuffer struct {
	frames [][]byte
	bytes  int
}

// add is false when there is no room.
func (b *replayBuffer) add(g *Gateway, frame []byte) bool {
	if len(b.frames) >= proto.ReplayFrames || b.bytes+len(frame) > proto.ReplayBytes {
		return false
	}
	if g.keptBytes.Add(int64(len(frame))) > maxKeptBytes {
		g.keptBytes.Add(-int64(len(frame)))
		return false
	}
	b.frames = append(b.frames, frame)
	b.bytes += len(frame)
	return true
}

// addAll adds frames as long as there is room, and returns the rest.
func (b *replayBuffer) addAll(g *Gateway, frames [][]byte) (rest [][]byte) {
	for i, f := range frames {
		if !b.add(g, f) {
			return frames[i:]
		}
	}
	return nil
}

func (b *replayBuffer) take(g *Gateway) [][]byte {
	frames := b.frames
	g.keptBytes.Add(-int64(b.bytes))
	*b = replayBuffer{}
	return frames
}

// maxKeptBytes bounds what all peers that are away may have waiting.
const maxKeptBytes = 512 << 20
