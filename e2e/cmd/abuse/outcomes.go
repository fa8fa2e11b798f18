package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// outcomes counts what attackers sent and got. Safe for concurrent use.
type outcomes struct {
	mu      sync.Mutex
	frames  int
	bytes   int
	events  map[string]int       // answers, by event; closes and refused handshakes too
	gained  int                  // what the attack was for, in number
	what    string               // and what that is; "" is nothing
	inspect func(payload []byte) // of every frame; nil: nothing
}

func newOutcomes() *outcomes { return &outcomes{events: make(map[string]int)} }

func (o *outcomes) add(event string) {
	o.mu.Lock()
	o.events[event]++
	o.mu.Unlock()
}

func (o *outcomes) of(event string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.events[event]
}

// noted records what the attack was for.
func (o *outcomes) noted(n int, what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gained, o.what = n, what
}

// Frame implements load.Sink, for the connections of attackers.
func (o *outcomes) Frame(_ *load.Conn, _ int64, payload []byte) {
	if event := eventOf(payload); event != string(proto.Session) && event != string(proto.ClientAdded) {
		o.add(event) // the others say nothing about the attack
	}
	if o.inspect != nil {
		o.inspect(payload)
	}
}

// Batch implements load.Sink.
func (o *outcomes) Batch(*load.Conn) {}

// send writes a frame and counts it.
func (o *outcomes) send(c *client, text []byte) error {
	frame := load.AppendFrame(nil, load.OpText, text)
	if err := c.Write(frame); err != nil {
		return err
	}
	o.mu.Lock()
	o.frames++
	o.bytes += len(frame)
	o.mu.Unlock()
	return nil
}

// String lists the answers, most frequent first.
func (o *outcomes) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(o.events), func(a, b string) int {
		if d := o.events[b] - o.events[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%s: %s", name, grouped(o.events[name]))
	}
	return strings.Join(parts, ", ")
}

// ended counts how a connection of an attacker ended.
func (o *outcomes) ended(c *client) {
	code, _ := c.Ended()
	o.add(endName(code))
}

// attacker connects an attacker that counts what it gets. Its connection ends with ctx.
func (t *trial) attacker(ctx context.Context, member bool) (*client, error) {
	c, err := t.dialAttacker(ctx)
	if err != nil {
		return nil, err
	}
	c.Start()
	if member {
		if err := t.join(ctx, c); err != nil {
			return nil, err
		}
	}
	c.Feed(t.got)
	return c, nil
}

// sendAtRate sends frames at a rate until ctx ends. An attacker whose connection the server
// ends connects again at once.
func (t *trial) sendAtRate(ctx context.Context, perSecond int, member bool, frame func(i int) []byte) error {
	sent := 0
	for ctx.Err() == nil {
		c, err := t.attacker(ctx, member)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			t.got.add("did not get back in")
			if wait(ctx, 100*time.Millisecond) != nil {
				return nil
			}
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		sent = t.sendOver(ctx, c, perSecond, sent, frame)
		t.end(ctx, c, stop)
	}
	return nil
}

// end ends an attacker's connection, which stop's function closes when ctx ends. If ctx has
// not ended, the server has ended the connection. stop may return true after the end of ctx.
func (t *trial) end(ctx context.Context, c *client, stop func() bool) {
	stop()
	if ctx.Err() != nil {
		_ = c.Close()
		return
	}
	<-c.Done()
	t.got.ended(c)
}

// sendOver sends frames over one connection, until it ends or ctx does.
func (t *trial) sendOver(ctx context.Context, c *client, perSecond, sent int, frame func(i int) []byte) int {
	const step = 5 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	began, first := time.Now(), sent
	for {
		select {
		case <-tick.C:
		case <-c.Done():
			return sent
		case <-ctx.Done():
			return sent
		}
		for due := first + 1 + int(time.Since(began).Seconds()*float64(perSecond)); sent < due; sent++ {
			if t.got.send(c, frame(sent)) != nil {
				return sent // its reader ends too, with the server's close frame if there is one
			}
		}
	}
}

// grouped writes a number with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
