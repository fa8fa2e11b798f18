//go:build unix

package gateway

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// directly returns how to read and write conn without waiting; nil for one that is
// no plain network connection.
func directly(conn net.Conn) syscall.RawConn {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return rc
}

// pen writes to one connection at a time, as much as the network takes at once.
type pen struct {
	buf  []byte
	n    int
	err  error
	once func(fd uintptr) bool // a value, so that a write does not allocate
}

var pens = sync.Pool{New: func() any {
	p := new(pen)
	p.once = p.try
	return p
}}

func takePen() *pen { return pens.Get().(*pen) }

func (p *pen) give() { pens.Put(p) }

// write returns how much of b is out. Less than all is no error.
func (p *pen) write(rc syscall.RawConn, b []byte) (int, error) {
	p.buf, p.n, p.err = b, 0, nil
	if err := rc.Write(p.once); err != nil {
		p.err = err
	}
	p.buf = nil
	return p.n, p.err
}

func (p *pen) try(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), p.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
		case err != nil:
			p.err = err
		default:
			p.n = n
		}
		return true
	}
}

// intake reads a connection through a pooled buffer that it holds only while
// there is something in it.
type intake struct {
	rc   syscall.RawConn
	buf  *[intakeBytes]byte
	n    int
	err  error
	once func(fd uintptr) bool // a value, so that a read does not allocate
}

// intakeBytes is how much one system call may read.
const intakeBytes = 8 << 10

var intakes = sync.Pool{New: func() any { return new([intakeBytes]byte) }}

func (in *intake) init(rc syscall.RawConn) {
	in.rc = rc
	in.once = in.try
}

// read waits until something comes. What it returns is valid until release.
func (in *intake) read() ([]byte, error) {
	in.n, in.err = 0, nil
	if err := in.rc.Read(in.once); err != nil {
		return nil, err
	}
	switch {
	case in.err != nil:
		return nil, in.err
	case in.n == 0:
		return nil, io.EOF
	}
	return in.buf[:in.n], nil
}

func (in *intake) try(fd uintptr) bool {
	in.buf = intakes.Get().(*[intakeBytes]byte)
	for {
		n, err := syscall.Read(int(fd), in.buf[:])
		if err == syscall.EINTR {
			continue
		}
		if n > 0 {
			in.n = n
			return true
		}
		in.release()
		if err == syscall.EAGAIN {
			return false
		}
		in.err = err
		return true
	}
}

// release gives the buffer back.
func (in *intake) release() {
	if in.buf != nil {
		intakes.Put(in.buf)
		in.buf = nil
	}
}
