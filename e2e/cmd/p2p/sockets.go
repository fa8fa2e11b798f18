package main

import (
	"net"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// socketBytes is how many bytes a UDP socket may hold for a late reader. The
// usual 200 KiB overflow when the machine is busy, and a lost packet is noticed
// only after a second.
const socketBytes = 4 << 20

// roomyNet is the network with larger socket buffers, as far as the system
// allows.
type roomyNet struct{ transport.Net }

func newRoomyNet() (transport.Net, error) {
	n, err := stdnet.NewNet()
	return roomyNet{n}, err
}

// ListenUDP implements transport.Net.
func (n roomyNet) ListenUDP(network string, addr *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, addr)
	if err == nil {
		_ = c.SetReadBuffer(socketBytes) // a smaller buffer works too
	}
	return c, err
}
