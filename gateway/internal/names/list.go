package names

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto/bus"
)

// Times of a list.
const (
	listedFor    = time.Second // a list is given to all that ask meanwhile
	listPatience = 2 * time.Second
)

// list is the last list of names.
type list struct {
	mu    sync.Mutex // held while the directory is asked, so that one request at a time does
	names []string
	err   error
	at    clock.Instant // when the answer came; 0: never
}

// List returns names that clients of all gateways have: all of them, or
// bus.MaxNameList when there are more. It asks the directory once a second at most, whoever
// asks; those that come meanwhile wait.
func (c *Client) List() ([]string, error) {
	l := &c.list
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at != 0 && c.cfg.Clock.Load().Sub(l.at) < listedFor {
		return l.names, l.err
	}
	r, err := c.cfg.Ask(bus.NameList, &bus.NameRequest{Namespace: c.cfg.Namespace}, listPatience)
	l.names, l.err, l.at = nil, err, c.cfg.Clock.Load()
	if err != nil {
		return nil, err
	}
	c.cfg.Count(Listed)
	if r.More {
		c.cfg.Count(Cut)
	}
	l.names = r.Names
	return l.names, nil
}
