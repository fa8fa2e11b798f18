package chaos

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// proxy forwards TCP connections to one address and can disturb them. Safe for
// concurrent use.
type proxy struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]struct{}
	closed bool
	delay  time.Duration // of each chunk, up to twice that
	mute   bool          // drops the target's data
	open   chan struct{} // closed unless the proxy holds all data back
}

// link is one connection through the proxy: the client's side and the target's.
type link struct{ client, target net.Conn }

func newProxy(target string) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{ln: ln, target: target, links: make(map[*link]struct{}), open: make(chan struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.ln.Addr().String() }

func (p *proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(c net.Conn) {
	if !p.pass() {
		c.Close()
		return
	}
	t, err := net.DialTimeout("tcp", p.target, 2*time.Second)
	if err != nil {
		c.Close()
		return
	}
	l := &link{c, t}
	if !p.add(l) {
		l.close()
		return
	}
	var up sync.WaitGroup
	up.Go(func() { p.copy(l, t, c, false) })
	p.copy(l, c, t, true)
	up.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

func (p *proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.links[l] = struct{}{}
	}
	return !p.closed
}

// copy copies bytes one way until an end closes. While the proxy holds, it does
// not forward the close either.
func (p *proxy) copy(l *link, dst, src net.Conn, down bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.pass()
		if n > 0 && !p.lost(down) {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			l.close()
			return
		}
	}
}

// pass waits while the proxy holds, and then for its delay. It returns false
// once closed.
func (p *proxy) pass() bool {
	for {
		p.mu.Lock()
		open, delay, closed := p.open, p.delay, p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		select {
		case <-open:
		default:
			<-open
			continue
		}
		if delay > 0 {
			<-time.After(delay + rand.N(delay))
		}
		return true
	}
}

func (p *proxy) lost(down bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mute && down
}

func (l *link) close() {
	l.client.Close()
	l.target.Close()
}

// hold holds all data back, as a network partition does: nothing is lost unless
// an end gives up.
func (p *proxy) hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		if on && !p.closed {
			p.open = make(chan struct{})
		}
	default:
		if !on {
			close(p.open)
		}
	}
}

func (p *proxy) slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// dropReplies drops the targets' data from now on. Its end cuts every connection,
// because a stream with a hole is useless.
func (p *proxy) dropReplies(on bool) {
	p.mu.Lock()
	p.mute = on
	p.mu.Unlock()
	if !on {
		p.cut(func() bool { return true })
	}
}

// cut closes the connections that which selects, at both ends.
func (p *proxy) cut(which func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if which() {
			l.close()
		}
	}
}

func (p *proxy) close() {
	p.ln.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.hold(false)
	p.cut(func() bool { return true })
	p.wg.Wait()
}
