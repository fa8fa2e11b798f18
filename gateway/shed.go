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
	var all []membudget.Buffer
	for _, c := range g.conns.List(nil) {
		switch n, ending := c.Socket.Backlog(); {
		case ending:
			excess -= int64(n)
		case n > 0:
			all = append(all, membudget.Buffer{Kind: membudget.Queue, Bytes: n, Drop: c.Socket.Shed})
		}
	}
	for _, s := range g.sessions.List(nil) {
		if n := s.WaitingBytes(); n > 0 {
			all = append(all, membudget.Buffer{Kind: membudget.Replay, Bytes: n, Drop: func() {
				g.loops.bus.Turn() // each may report hundreds of frames
				s.Shed()
			}})
		}
	}
	g.buffers.Shed(membudget.Largest(all, excess))
}
