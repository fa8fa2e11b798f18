package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// trial is one attack on a server of its own, with honest clients beside it.
type trial struct {
	*row
	srv     *server
	got     *outcomes
	crowd   []*client // honest members of the room
	inside  *probe    // honest pair in the room, or that the attack is about; nil: there is none
	outside *probe    // honest pair that has nothing to do with the attack

	link    *stallingLink // of the inside pair's receiver; nil: it is connected directly
	creator *client       // the attacker that has created the room, if it did
	after   []string      // what was tried after the attack, and how it went
	faults  []string      // what must not happen and did

	mu    sync.Mutex
	conns []*load.Conn // all that were opened
	ips   []net.IP     // from where, by the same index
}

// client is a connection, with what its first frame said.
type client struct {
	*load.Conn
	details proto.Details
	answers chan []byte // to request
}

// theRoom is the room that members and attackers are in.
const theRoom = "the-room"

// readAtOnce is the size of a client's buffer, in bytes. It grows when a frame needs that.
const readAtOnce = 4 << 10

// attackerIP is the address of all attackers of a trial: one host attacks.
var attackerIP = net.IPv4(127, 66, 66, 66)

// honestIP returns the address of an honest client: each has its own.
func honestIP(n int) net.IP { return net.IPv4(127, 1, byte(n>>8), byte(n)) }

// Addresses of honest clients that are not members of the crowd.
const (
	insideIP  = 0xf000
	outsideIP = 0xf100
	checkIP   = 0xf200
)

// dial connects from an address. The client reads, and drops what is no answer to a
// request, until another sink is fed.
func (t *trial) dial(ctx context.Context, ip net.IP) (*client, error) {
	c, err := t.dialUnread(ctx, t.srv.addr, ip)
	if err == nil {
		c.Start()
	}
	return c, err
}

// dialUnread connects a client that reads only its first frame, until it is started.
func (t *trial) dialUnread(ctx context.Context, addr string, ip net.IP) (*client, error) {
	conn, err := load.Dial(ctx, addr, "/?updates=delta", &net.TCPAddr{IP: ip}, readAtOnce)
	if err != nil {
		return nil, err
	}
	var f struct {
		Data proto.Details `json:"data"`
	}
	b, err := conn.Next()
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	t.mu.Lock()
	t.conns, t.ips = append(t.conns, conn), append(t.ips, ip)
	t.mu.Unlock()
	c := &client{conn, f.Data, make(chan []byte, 1)}
	conn.Feed(c)
	return c, nil
}

// dialAttacker connects an attacker that does not read yet, as often as the server refuses
// it, until ctx ends.
func (t *trial) dialAttacker(ctx context.Context) (*client, error) {
	for {
		c, err := t.dialUnread(ctx, t.srv.addr, attackerIP)
		if err == nil || ctx.Err() != nil {
			return c, err
		}
		t.got.add("handshake refused")
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// answerTime is longer than a server takes for an answer, which may be that the room
// service did not answer.
const answerTime = proto.RequestDeadline + 3*time.Second

// request sends a frame and returns the event of its answer. It repeats what was
// Rate_Limited for as long as ctx lasts, because the server says when.
func (c *client) request(ctx context.Context, event, data string) (answer string, err error) {
	frame := load.AppendFrame(nil, load.OpText, fmt.Appendf(nil, `{"event":%q,"data":%s,"id":"request"}`, event, data))
	for {
		if err := c.Write(frame); err != nil {
			return "", err
		}
		b, err := c.answer(ctx)
		if err != nil {
			return "", err
		}
		answer = eventOf(b)
		if answer != string(proto.RateLimited) {
			return answer, nil
		}
		var f struct {
			Data proto.ErrorData `json:"data"`
		}
		if err := json.Unmarshal(b, &f); err != nil {
			return "", err
		}
		if err := wait(ctx, time.Duration(f.Data.RetryAfterMS)*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// answer waits for the answer to request.
func (c *client) answer(ctx context.Context) ([]byte, error) {
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case b := <-c.answers:
		return b, nil
	case <-c.Done():
		code, err := c.Ended()
		return nil, fmt.Errorf("the connection ended before the answer: %s, %w", endName(code), cmp.Or(err, io.EOF))
	case <-late.C:
		return nil, fmt.Errorf("no answer within %v", answerTime)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Frame implements load.Sink: it keeps the answer to request.
func (c *client) Frame(_ *load.Conn, _ int64, payload []byte) {
	if bytes.HasSuffix(payload, []byte(`"id":"request"}`)) {
		select {
		case c.answers <- bytes.Clone(payload):
		default: // nobody has asked
		}
	}
}

// Batch implements load.Sink.
func (c *client) Batch(*load.Conn) {}

// join makes c a member of the room.
func (t *trial) join(ctx context.Context, c *client) error {
	answer, err := c.request(ctx, string(proto.JoinRoom), fmt.Sprintf(`{"room":%q,"create":true,"metadata":%q}`, theRoom, strings.Repeat("m", t.metadata)))
	if err == nil && answer != string(proto.ClientAdded) {
		err = fmt.Errorf("got %s for Join_Room, want Client_Added", answer)
	}
	return err
}

// joiners is the number of members that join at the same time.
const joiners = 32

// joinCrowd connects the honest members and makes them join.
func (t *trial) joinCrowd(ctx context.Context) error {
	t.crowd = make([]*client, t.members)
	return parallel(ctx, t.members, joiners, func(ctx context.Context, i int) error {
		c, err := t.dial(ctx, honestIP(i))
		if err != nil {
			return err
		}
		t.crowd[i] = c
		return t.join(ctx, c)
	})
}

// newPair connects two honest clients, members of the room or not.
func (t *trial) newPair(ctx context.Context, ip int, members bool) (*probe, error) {
	p := new(probe)
	for i, c := range []**client{&p.from, &p.to} {
		var err error
		if *c, err = t.dial(ctx, honestIP(ip+i)); err != nil {
			return nil, err
		}
		if members {
			if err := t.join(ctx, *c); err != nil {
				return nil, err
			}
		}
	}
	p.listen()
	return p, nil
}

// close ends all connections.
func (t *trial) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		_ = c.Close() // the server may have closed it
	}
}

// bytesRead returns what all connections have received.
func (t *trial) bytesRead() (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		n += c.BytesRead()
	}
	return n
}

// parallel calls do for 0 to n-1, some at a time, and returns the first error.
func parallel(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, atOnce) {
		wg.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					fail(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// wait waits, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eventOf returns the event of a frame of the server's, which names it near its start.
func eventOf(frame []byte) string {
	_, rest, _ := bytes.Cut(frame[:min(len(frame), 100)], []byte(`"event":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}
