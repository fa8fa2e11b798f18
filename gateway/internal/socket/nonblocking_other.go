//go:build !unix

package socket

import (
	"io"
	"net"
	"syscall"
)

// nonblocking returns nil: on this system every connection has a writer and a read buffer
// of its own.
func nonblocking(net.Conn) syscall.RawConn { return nil }

// rawWriter has nothing to write to.
type rawWriter struct{}

func takeRawWriter() *rawWriter { return new(rawWriter) }

func (*rawWriter) give() {}

func (*rawWriter) write(syscall.RawConn, []byte) (int, error) { return 0, io.ErrNoProgress }

// rawReader has nothing to read.
type rawReader struct{ rc syscall.RawConn }

func (*rawReader) init(syscall.RawConn) {}

func (*rawReader) read() ([]byte, error) { return nil, io.ErrNoProgress }

func (*rawReader) release() {}
