package chaos

import (
	"strings"

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
)

// read reads every frame of c until c has ended. It is the only reader.
func (g *game) read(p *player, c *client.Client) {
	id := c.ID()
	for f := range c.Frames() {
		switch {
		case f.Is(proto.ClientDetails):
			d, err := f.Details()
			if err != nil {
				g.w.violate("player %d: %v", p.n, err)
				continue
			}
			p.cameBack(&d, id)
			g.stats.resumes.Add(1)
			if d.ID != id {
				g.stats.lostIDs.Add(1)
			}
			id = d.ID
		case f.From != "":
			g.relays.arrived(p, id, &f)
		case f.Type == proto.TypeError:
			g.relays.refused(p, &f)
		case f.Type != "" && strings.Contains(f.Event, "Room") || f.Is(proto.ClientAdded) || f.Is(proto.ClientRemoved):
			if d, err := f.RoomData(); err != nil {
				g.w.violate("player %d: %v", p.n, err)
			} else {
				g.stats.updates.Add(1)
				g.sawRoom(f.Event, &d)
			}
		}
	}
	p.ended(id)
}
