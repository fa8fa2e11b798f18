package session

import (
	"time"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/proto"
)

// Pace of PushICEServers: 10,000 clients a second, so that relays hardly notice it.
const (
	pushBatch = 100
	pushPause = 10 * time.Millisecond
)

// PushICEServers sends Ice_Servers to all clients of our own protocol that are connected,
// unasked, until ended is closed. A client that is away gets the list when it resumes.
func (tab *Table) PushICEServers(ended <-chan struct{}) {
	pause := time.NewTicker(pushPause)
	defer pause.Stop()
	for i, s := range tab.List(nil) {
		if i%pushBatch == pushBatch-1 {
			select {
			case <-ended:
				return
			case <-pause.C:
			}
		}
		s.pushICEServers()
	}
}

// ICEServers encodes an Ice_Servers frame for the peer. id is the correlation id of the frame
// that it answers; nil for none.
func (s *Session) ICEServers(id []byte) []byte {
	list := s.tab.cfg.ICE.List(s.id, s.tab.cfg.Frames.Wall())
	if list == nil {
		list = []byte("[]")
	}
	return s.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.IceServers), frames.Marshal(proto.IceServersData{IceServers: list}), id)
}

func (s *Session) pushICEServers() {
	if s.translator != nil {
		return
	}
	frame := s.ICEServers(nil)
	s.mu.Lock()
	v := Delivered
	defer s.delivered(&v)
	if s.phase == attached {
		v = s.deliverLocked("", frame)
	}
}
