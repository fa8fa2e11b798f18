//go:build unix

package socket

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// nonblocking returns the raw connection of conn, for reads and writes that do not wait, or
// nil when conn is not a plain network connection.
func nonblocking(conn net.Conn) syscall.RawConn {
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

// rawWriter writes to one connection at a time, as much as the network accepts at once.
type rawWriter struct {
	buf  []byte
	n    int
	err  error
	once func(fd uintptr) bool // a value, so that a write does not allocate
}

var rawWriters = sync.Pool{New: func() any {
	p := new(rawWriter)
	p.once = p.try
	return p
}}

func takeRawWriter() *rawWriter { return rawWriters.Get().(*rawWriter) }

func (p *rawWriter) give() { rawWriters.Put(p) }

// write returns how many bytes of b were written. Fewer than all is not an error.
func (p *rawWriter) write(rc syscall.RawConn, b []byte) (int, error) {
	p.buf, p.n, p.err = b, 0, nil
	if err := rc.Write(p.once); err != nil {
		p.err = err
	}
	p.buf = nil
	return p.n, p.err
}

func (p *rawWriter) try(fd uintptr) bool {
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

// rawReader reads a connection through a pooled buffer that it holds only while
// there is something in it.
type rawReader struct {
	rc   syscall.RawConn
	buf  *[readBytes]byte
	n    int
	err  error
	once func(fd uintptr) bool // a value, so that a read does not allocate
}

// readBytes is the number of bytes that one system call may read.
const readBytes = 8 << 10

var readBuffers = sync.Pool{New: func() any { return new([readBytes]byte) }}

func (in *rawReader) init(rc syscall.RawConn) {
	in.rc = rc
	in.once = in.try
}

// read waits for input and returns it. The bytes are valid until release.
func (in *rawReader) read() ([]byte, error) {
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

func (in *rawReader) try(fd uintptr) bool {
	in.buf = readBuffers.Get().(*[readBytes]byte)
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

// release returns the buffer to the pool.
func (in *rawReader) release() {
	if in.buf != nil {
		readBuffers.Put(in.buf)
		in.buf = nil
	}
}
