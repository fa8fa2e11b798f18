// Package crowd keeps many clients connected while their network or their gateways fail,
// and records what they miss: messages that do not come or come twice, members that seem to
// leave, and how long each client is away.
package crowd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// dialers bounds the concurrent handshakes of Dial.
const dialers = 64

// Config says which clients to connect.
type Config struct {
	Addrs  []string // host:port of the gateways; client i begins at Addrs[i modulo their number]
	N      int      // clients
	Room   func(i int) proto.RoomID
	Target string // of the handshakes; "" is /

	// Offline is how long a client that Tear has cut off waits before it connects again.
	Offline time.Duration
	// MaxWait bounds the client's own waits between tries; 0 is 500 ms.
	MaxWait time.Duration
	// LocalAddr returns the address that client i connects from; nil: the system's choice.
	LocalAddr func(i int) net.Addr
}

// Crowd is a number of clients, each a member of a room. Its methods may be called
// concurrently.
type Crowd struct {
	cfg     Config
	members []*Member
	readers sync.WaitGroup
}

// Dial connects the clients, which join their rooms. After an error nothing stays open.
func Dial(ctx context.Context, cfg Config) (*Crowd, error) {
	if cfg.MaxWait == 0 {
		cfg.MaxWait = 500 * time.Millisecond
	}
	cr := &Crowd{cfg: cfg, members: make([]*Member, cfg.N)}
	next, failed := make(chan int), make(chan error, dialers)
	var wg sync.WaitGroup
	for range min(dialers, cfg.N) {
		wg.Go(func() {
			for i := range next {
				m := &Member{cfg: &cr.cfg, index: i, at: i % len(cfg.Addrs)}
				if err := m.dial(ctx); err != nil {
					failed <- fmt.Errorf("client %d: %w", i, err)
					return
				}
				cr.members[i] = m
				cr.readers.Go(m.read)
			}
		})
	}
	err := feed(ctx, next, cfg.N, failed)
	wg.Wait()
	close(failed)
	if err == nil {
		err = <-failed // of the last clients; nil when there was none
	}
	if err != nil {
		cr.Close()
		return nil, err
	}
	return cr, nil
}

// feed sends the numbers below n, until a dialer has failed.
func feed(ctx context.Context, next chan<- int, n int, failed <-chan error) error {
	defer close(next)
	for i := range n {
		select {
		case next <- i:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Members returns the clients.
func (cr *Crowd) Members() []*Member { return cr.members }

// Connected returns how many clients are connected, in sessions that they have kept.
func (cr *Crowd) Connected() (n int) {
	for _, m := range cr.members {
		if m.Connected() {
			n++
		}
	}
	return n
}

// Close closes all clients and returns when their readers have ended.
func (cr *Crowd) Close() {
	var wg sync.WaitGroup
	for _, m := range cr.members {
		if m != nil {
			wg.Go(func() { m.c.Close() }) // a client that has ended already says so
		}
	}
	wg.Wait()
	cr.readers.Wait()
}

// Post is the data of a message that members count.
type Post struct {
	Number int   `json:"n"`  // from 0
	At     int64 `json:"at"` // when it was sent: nanoseconds since 1970
}

// Report is what became of a crowd.
type Report struct {
	Received    int             // posts that clients got, each once
	Duplicates  int             // that they got again
	Lateness    []time.Duration // of each of Received
	Left        int             // notices that a member has left, to any client
	Fresh       int             // returns without the session
	Unrecovered int             // returns with the session, after which recovered was false
	Ended       int             // clients that have ended
	Absences    []Absence       // of those that came back
}

// Absence is a time in which a client was not connected.
type Absence struct {
	For       time.Duration
	Announced time.Duration // that the gateway asked it to wait; 0: it did not
}

// Report adds up what all clients have recorded.
func (cr *Crowd) Report() (r Report) {
	for _, m := range cr.members {
		m.mu.Lock()
		r.Received += len(m.lateness)
		r.Duplicates += m.duplicates
		r.Lateness = append(r.Lateness, m.lateness...)
		r.Left += m.left
		r.Fresh += m.fresh
		r.Unrecovered += m.unrecovered
		r.Absences = append(r.Absences, m.absences...)
		m.mu.Unlock()
		select {
		case <-m.c.Done():
			r.Ended++
		default:
		}
	}
	return r
}

// Reset forgets what was recorded.
func (cr *Crowd) Reset() {
	for _, m := range cr.members {
		m.mu.Lock()
		m.record = record{seen: make(map[int]bool)}
		m.mu.Unlock()
	}
}

// Send sends posts to the room of member i, one each interval, until ctx ends, and returns
// how many.
func (cr *Crowd) Send(ctx context.Context, i int, interval time.Duration) (n int, err error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return n, nil
		case <-tick.C:
		}
		data, err := json.Marshal(Post{n, time.Now().UnixNano()})
		if err != nil {
			return n, err
		}
		err = cr.members[i].c.MessageRoom(ctx, cr.cfg.Room(i), json.RawMessage(data))
		if err != nil && ctx.Err() == nil {
			return n, fmt.Errorf("post %d: %w", n, err)
		}
		if err == nil {
			n++
		}
	}
}

// Await calls done whenever something may have changed, until it returns true or ctx ends.
func (cr *Crowd) Await(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond) // clients have no common event
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("%d of %d clients are connected", cr.Connected(), len(cr.members)))
		}
	}
	return nil
}

// join makes the client a member of its room.
func (m *Member) join(ctx context.Context) error {
	room := m.cfg.Room(m.index)
	_, err := m.c.Join(ctx, room, client.JoinOptions{Create: true})
	return err
}
