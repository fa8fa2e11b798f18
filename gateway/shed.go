package gateway

import (
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto/service"
)

// bufferLimit returns the budget of all buffers: the setting, or a part of the memory that
// this process may use. from names what the part is of.
func bufferLimit(setting int) (bytes int64, from string) {
	if setting > 0 {
		return int64(setting), "max-buffer-bytes"
	}
	memory, from := service.MemoryLimit()
	return membudget.Derive(memory, from == service.GoMemoryLimit), from
}

// shedBuffers gives up the largest buffers of peers that are away or do not read, when all
// buffers hold too much. It is called once a second.
func (g *Gateway) shedBuffers() {
	excess := g.buffers.Excess()
	if excess == 0 {
		return
	}
	var all []membudget.Holder
	for _, c := range g.conns.list(nil) {
		switch n, ending := c.ws.Backlog(); {
		case ending:
			excess -= int64(n)
		case n > 0:
			all = append(all, membudget.Holder{Kind: membudget.Queue, Bytes: n, Drop: c.ws.Shed})
		}
	}
	for _, s := range g.sessions.list(nil) {
		if n := s.waitingBytes(); n > 0 {
			all = append(all, membudget.Holder{Kind: membudget.Replay, Bytes: n, Drop: func() {
				g.loops.bus.Turn() // each may report hundreds of frames
				s.shed()
			}})
		}
	}
	g.buffers.Shed(membudget.Largest(all, excess))
}

// waitingBytes returns the bytes that wait for a peer that is away; 0 for any other peer.
func (s *session) waitingBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != away {
		return 0
	}
	return s.kept.Bytes() + len(s.unconfirmed)
}

// shed gives up the frames that wait for a peer that is away, and reports them to their
// senders. The session stays, and the peer learns when it resumes that frames are missing.
func (s *session) shed() {
	s.mu.Lock()
	if s.phase != away {
		s.mu.Unlock()
		return
	}
	s.lossy = true
	frames := append(s.unconfirmedLocked(), s.kept.Take(s.g.buffers)...)
	s.mu.Unlock()
	s.g.reportKept(s.id, frames)
}
