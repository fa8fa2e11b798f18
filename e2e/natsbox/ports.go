package natsbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are drawn from below those that kernels give to outgoing connections, one of
// which could take the port of a server that is about to start, or to start again.
const (
	lowestPort, highestPort = 20000, 32000
	blockPorts              = 99 // that a block has besides its first
	maxBlocks               = 10 // of one process
)

// FreePorts returns n loopback addresses on which no process listens. While this process
// runs, FreePorts returns them neither in other processes nor again in this process, until
// nearly a thousand were drawn: a server that is stopped can start again at its address.
// Safe for concurrent use.
func FreePorts(n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		var err error
		if addrs[i], err = processPorts.draw(); err != nil {
			return nil, fmt.Errorf("natsbox: looking for a free port: %w", err)
		}
	}
	return addrs, nil
}

var processPorts portPool

// portPool is the ports of one process, in blocks. A process has a block for itself as long
// as it listens on the block's first port: nobody connects to that.
type portPool struct {
	mu     sync.Mutex
	firsts []net.Listener
	drawn  int
}

// draw returns the address of the next port on which nobody listens.
func (p *portPool) draw() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range maxBlocks * blockPorts {
		if p.drawn == len(p.firsts)*blockPorts && len(p.firsts) < maxBlocks {
			if err := p.reserve(); err != nil && len(p.firsts) == 0 {
				return "", err
			}
		}
		n := p.drawn % (len(p.firsts) * blockPorts) // the first ones again, when all are used
		p.drawn++
		first := p.firsts[n/blockPorts].Addr().(*net.TCPAddr)
		addr := fmt.Sprintf("127.0.0.1:%d", first.Port+1+n%blockPorts)
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("all ports of this process are in use")
}

// reserve adds a block that no process has.
func (p *portPool) reserve() error {
	const blocks = (highestPort - lowestPort) / (blockPorts + 1)
	var refused error
	for _, i := range rand.Perm(blocks) {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowestPort+i*(blockPorts+1)))
		if err == nil {
			p.firsts = append(p.firsts, l)
			return nil
		}
		refused = err
	}
	return fmt.Errorf("every block of ports is taken: %w", refused)
}
