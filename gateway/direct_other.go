//go:build !unix

package gateway

import (
	"io"
	"net"
	"syscall"
)

// directly returns nil: here every connection has a writer and a read buffer of
// its own.
func directly(net.Conn) syscall.RawConn { return nil }

// pen has nothing to write to.
type pen struct{}

func takePen() *pen { return new(pen) }

func (*pen) give() {}

func (*pen) write(syscall.RawConn, []byte) (int, error) { return 0, io.ErrNoProgress }

// intake has nothing to read.
type intake struct{ rc syscall.RawConn }

func (*intake) init(syscall.RawConn) {}

func (*intake) read() ([]byte, error) { return nil, io.ErrNoProgress }

func (*intake) release() {}
