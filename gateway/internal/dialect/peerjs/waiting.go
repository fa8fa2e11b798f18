package peerjs

import (
	"maps"
	"slices"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// Bounds of the frames that wait for their receivers.
const (
	frameBytes    = 1 << 10 // that one frame takes at least of the bytes of its client
	allFrameBytes = 512     // and of those of all clients
	allWaiting    = 128     // bytes of all clients of a gateway, in those of one client
	maxReturns    = 8       // of one frame: it finds a peer each time, which is not there
	retryInterval = 500 * time.Millisecond
	returnPause   = 20 * time.Millisecond // frames that come back together are sent again in their order
)

// pending is a frame that is to be sent.
type pending struct {
	n     uint64 // counts the client's frames; 0: unknown, and older than all
	tries int    // how often it came back
	waits bool   // it may wait for its receiver
	text  []byte
}

// queue holds the frames of a client for one name, in the order in which the client sent
// them.
type queue struct {
	since  clock.Instant // when the first frame began to wait
	frames []pending
}

// behind puts x behind the frames that wait for dst; false when none waits.
func (c *client) behind(dst string, x pending) bool {
	c.mu.Lock()
	q := c.waiting[dst]
	ok := q == nil || !x.waits || c.addLocked(dst, x)
	c.mu.Unlock()
	if !ok {
		c.expire(dst)
	}
	return q != nil
}

// wait makes x wait for dst.
func (c *client) wait(dst string, x pending) {
	if !c.queueAgain(dst, x) {
		c.expire(dst)
	}
}

// queueAgain makes x wait for dst; false when there is no room. It may be called with the
// session locked.
func (c *client) queueAgain(dst string, x pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addLocked(dst, x)
}

// addLocked puts x among the frames that wait for dst, by its number. Only a frame that was
// returned may belong before others.
func (c *client) addLocked(dst string, x pending) bool {
	select {
	case <-c.ended:
		return true // nobody is left to get an EXPIRE
	default:
	}
	d := c.d
	most, mostAll := d.cfg.WaitBytes, int64(allWaiting*d.cfg.WaitBytes)
	if c.frameSum >= most/frameBytes || c.byteSum+len(x.text) > most ||
		d.waiting.Load() >= mostAll/allFrameBytes || d.waitingBytes.Load()+int64(len(x.text)) > mostAll {
		return false
	}
	q := c.waiting[dst]
	if q == nil {
		q = &queue{since: d.cfg.Clock.Load()}
		c.waiting[dst] = q
	}
	at := len(q.frames)
	for at > 0 && q.frames[at-1].n > x.n {
		at--
	}
	q.frames = slices.Insert(q.frames, at, x)
	c.countLocked(1, len(x.text))
	d.cfg.Count(Waited)
	if !c.retrying {
		c.retrying = true
		c.port.Go(c.retry)
	}
	return true
}

// countLocked counts frames that wait.
func (c *client) countLocked(frames, bytes int) {
	c.frameSum, c.byteSum = c.frameSum+frames, c.byteSum+bytes
	c.d.waiting.Add(int64(frames))
	c.d.waitingBytes.Add(int64(bytes))
}

// dropLocked drops all frames that wait.
func (c *client) dropLocked() {
	clear(c.waiting)
	c.countLocked(-c.frameSum, -c.byteSum)
}

// retry sends the frames that wait, when their receivers have come, and gives up those that
// have waited for too long. It runs while any frame waits.
func (c *client) retry() {
	tick := time.NewTicker(min(retryInterval, c.d.cfg.Expire))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.soon:
			c.pause(returnPause)
		case <-c.ended:
			return
		case <-c.port.Ending():
			return
		}
		for _, dst := range c.due() {
			c.giveUp() // the look-up before may have taken long
			c.drain(dst)
		}
		if c.idle() {
			return
		}
	}
}

// due gives up the frames that have waited for too long, and returns the names for which
// others wait, those that have waited for longest first.
func (c *client) due() []string {
	c.giveUp()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.waiting), func(a, b string) int { return int(c.waiting[a].since - c.waiting[b].since) })
}

// giveUp gives up the frames that have waited for too long.
func (c *client) giveUp() {
	now := c.d.cfg.Clock.Load()
	var late []string
	c.mu.Lock()
	for dst, q := range c.waiting {
		if now.Sub(q.since) >= c.d.cfg.Expire {
			late = append(late, dst)
			c.removeLocked(dst, q)
		}
	}
	c.mu.Unlock()
	for _, dst := range late {
		c.expire(dst)
	}
}

// removeLocked removes all frames that wait for dst.
func (c *client) removeLocked(dst string, q *queue) {
	for _, x := range q.frames {
		c.countLocked(-1, -len(x.text))
	}
	delete(c.waiting, dst)
}

// drain sends the frames that wait for dst until one finds no receiver. Later frames go on
// waiting behind them meanwhile, so the order stays.
func (c *client) drain(dst string) {
	for {
		c.mu.Lock()
		q := c.waiting[dst]
		if q == nil || len(q.frames) == 0 {
			delete(c.waiting, dst)
			c.mu.Unlock()
			return
		}
		x := q.frames[0]
		c.mu.Unlock()
		if !c.relay(dst, &x) {
			return
		}
		c.mu.Lock()
		if q = c.waiting[dst]; q != nil { // a frame that came back may be the first now
			if i := slices.IndexFunc(q.frames, func(y pending) bool { return y.n == x.n && y.tries == x.tries }); i >= 0 {
				q.frames = slices.Delete(q.frames, i, i+1)
				c.countLocked(-1, -len(x.text))
			}
		}
		c.mu.Unlock()
	}
}

// idle ends the retries when nothing waits any more.
func (c *client) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) > 0 {
		return false
	}
	c.retrying = false
	return true
}
