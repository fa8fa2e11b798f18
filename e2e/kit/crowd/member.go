package crowd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// Member is one client of a Crowd. Its methods may be called concurrently.
type Member struct {
	cfg   *Config
	index int
	c     *client.Client

	mu        sync.Mutex
	conn      net.Conn
	at        int       // index of the gateway that it dials next
	notBefore time.Time // when it may dial
	away      time.Time // since when it is not connected; zero: it is
	announced time.Duration
	record
}

// record is what a member has seen.
type record struct {
	seen        map[int]bool // posts, by number
	lateness    []time.Duration
	duplicates  int
	left        int
	fresh       int
	unrecovered int
	absences    []Absence
}

// dial connects the client for the first time.
func (m *Member) dial(ctx context.Context) (err error) {
	m.seen = make(map[int]bool)
	urls := make([]string, len(m.cfg.Addrs))
	for i, addr := range m.cfg.Addrs {
		urls[i] = "ws://" + addr + m.cfg.Target
	}
	m.c, err = client.Dial(ctx, client.Options{
		URLs: urls, Delta: true, Dial: m.open, MaxWait: m.cfg.MaxWait, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err = m.join(ctx); err != nil {
		m.c.Close()
	}
	return err
}

// open opens a TCP connection to the gateway whose turn it is for this client, whatever
// address it is asked for. The next one goes to the next gateway.
func (m *Member) open(ctx context.Context, network, _ string) (net.Conn, error) {
	m.mu.Lock()
	addr, wait := m.cfg.Addrs[m.at], time.Until(m.notBefore)
	m.at = (m.at + 1) % len(m.cfg.Addrs)
	m.mu.Unlock()
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var d net.Dialer
	if m.cfg.LocalAddr != nil {
		d.LocalAddr = m.cfg.LocalAddr(m.index)
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn = conn
	return &watched{Conn: conn, m: m}, nil
}

// watched is a connection whose end is noted.
type watched struct {
	net.Conn
	m *Member
}

// Read implements net.Conn.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.m.lost(w.Conn)
	}
	return n, err
}

// Close implements net.Conn.
func (w *watched) Close() error {
	w.m.lost(w.Conn)
	return w.Conn.Close()
}

// lost notes that a connection has ended.
func (m *Member) lost(conn net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == conn && m.away.IsZero() {
		m.away = time.Now()
	}
}

// Connected reports whether the client is connected and has its session again.
func (m *Member) Connected() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.away.IsZero()
}

// Tear breaks the connection without a close frame, as a network does, and keeps the client
// offline for Config.Offline. It comes back at the next gateway.
func (m *Member) Tear() {
	m.mu.Lock()
	conn := m.conn
	m.notBefore = time.Now().Add(m.cfg.Offline)
	m.mu.Unlock()
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // a reset in place of a proper end; an error means that it has ended
	}
	conn.Close()
}

// read records what the client gets until it ends.
func (m *Member) read() {
	for f := range m.c.Frames() {
		m.note(f, time.Now())
	}
}

func (m *Member) note(f client.Frame, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := f.Resumed(); ok {
		m.absences = append(m.absences, Absence{now.Sub(m.away), m.announced})
		m.away, m.announced = time.Time{}, 0
		switch {
		case !r.Same:
			m.fresh++
		case !r.Recovered:
			m.unrecovered++
		}
		return
	}
	switch {
	case f.Type == "" && f.Event == string(proto.Message):
		var p Post
		if json.Unmarshal(f.Data, &p) != nil || p.At == 0 {
			return
		}
		if m.seen[p.Number] {
			m.duplicates++
			return
		}
		m.seen[p.Number] = true
		m.lateness = append(m.lateness, time.Duration(now.UnixNano()-p.At))
	case f.Is(proto.ClientRemoved):
		m.left++
	case f.Is(proto.ServerDraining):
		var d proto.DrainingData
		if json.Unmarshal(f.Data, &d) == nil {
			m.announced = time.Duration(d.ReconnectAfterMS) * time.Millisecond
		}
	}
}

// Lateness returns how long each post took that the client got.
func (m *Member) Lateness() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lateness)
}

// Forget forgets which posts the client got, so that a sender may begin at 0 again.
func (m *Member) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen, m.lateness = make(map[int]bool), nil
}
