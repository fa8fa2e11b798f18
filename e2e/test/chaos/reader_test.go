package chaos

import (
	"strings"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// read reads every frame of c until c has ended. It is the only reader.
func (w *workload) read(p *worker, c *client.Client) {
	id := c.ID()
	for f := range c.Frames() {
		switch {
		case f.Is(proto.ClientDetails):
			d, err := f.Details()
			if err != nil {
				w.sys.violate("worker %d: %v", p.n, err)
				continue
			}
			p.cameBack(&d, id)
			w.stats.resumes.Add(1)
			if d.ID != id {
				w.stats.lostIDs.Add(1)
			}
			id = d.ID
		case f.From != "":
			w.relays.arrived(p, id, &f)
		case f.Type == proto.TypeError:
			w.relays.refused(p, &f)
		case f.Type != "" && strings.Contains(f.Event, "Room") || f.Is(proto.ClientAdded) || f.Is(proto.ClientRemoved) || f.Is(proto.MemberUpdated):
			if d, err := f.RoomData(); err != nil {
				w.sys.violate("worker %d: %v", p.n, err)
			} else {
				w.stats.updates.Add(1)
				w.sawRoom(f.Event, &d)
			}
		}
	}
	p.ended(id)
}
