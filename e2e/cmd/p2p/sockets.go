package main

import (
	"net"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// socketBytes is how much a UDP socket may hold for a reader that is late. The
// usual 200 KiB overflow when the machine is busy, and whatever is lost is found
// missing only after a second.
const socketBytes = 4 << 20

// roomyNet is the network with sockets that hold more, as far as the system lets
// them.
type roomyNet struct{ transport.Net }

func newRoomyNet() (transport.Net, error) {
	n, err := stdnet.NewNet()
	return roomyNet{n}, err
}

// ListenUDP implements transport.Net.
func (n roomyNet) ListenUDP(network string, addr *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, addr)
	if err == nil {
		_ = c.SetReadBuffer(socketBytes) // it works with less too
	}
	return c, err
}
