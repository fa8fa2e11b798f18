package main

import (
	"math"
	"time"

	"p2pconnector/proto/bus"
)

// deployment is what is computed. All rates are averages.
type deployment struct {
	Gateways     int
	RoomServices int
	NATSNodes    int // each gateway and room service is connected to one of them, evenly
	Replicas     int // of each bucket
	Shards       int // buckets of rooms, and of sessions: 1 is what there is today
	Peers        int

	RoomSize  int           // members
	Stay      time.Duration // of a peer in a room; it is in one at a time
	Frames    float64       // that a peer relays a second, each to one other member of its room
	Move      time.Duration // between two resumes of a peer on another gateway
	Together  float64       // share of the rooms whose members are all on one gateway
	LeaseRate float64       // leases of a gateway, and settings of a room service, a second
}

// flow is one kind of message.
type flow struct {
	name      string
	published float64 // messages a second, by all publishers
	fanout    float64 // deliveries of one message
	bytes     float64 // of a delivery on the wire: subject, headers and payload
	from, to  float64 // shares that gateways publish, and that are delivered to gateways
	copies    float64 // of one message to the other servers that hold a bucket
}

// flows returns all kinds of messages but clients' frames, which relays returns.
func (d deployment) flows() []flow {
	programs := float64(d.Gateways + d.RoomServices)
	size := sizesOf(d)
	changes := d.changes()
	moves := float64(d.Peers) / d.Move.Seconds()
	syncs := float64(d.Gateways) / bus.SyncInterval.Seconds()
	pages := math.Ceil(d.roomsAtGateway() / bus.MaxSyncRooms)
	followers := float64(d.Replicas - 1)
	return []flow{
		{name: "leases", published: float64(d.Gateways) * d.LeaseRate, fanout: programs, bytes: size.lease, from: 1, to: float64(d.Gateways) / programs},
		{name: "settings of room services", published: float64(d.RoomServices) * d.LeaseRate, fanout: programs, bytes: size.settings, to: float64(d.Gateways) / programs},
		{name: "acknowledgements of relays", published: d.acks(), fanout: 1, bytes: size.ack, from: 1, to: 1},
		{name: "room requests and answers", published: 2 * changes, fanout: 1, bytes: (size.request + size.reply) / 2, from: 0.5, to: 0.5},
		{name: "room changes to gateways", published: changes * d.gatewaysOfRoom(), fanout: 1, bytes: size.change, to: 1},
		{name: "writes of rooms", published: changes, fanout: 1, bytes: size.room, copies: followers},
		{name: "comparison of rooms", published: 2 * syncs * pages, fanout: 1, bytes: size.sync / 2, from: 0.5, to: 0.5},
		{name: "session moves between gateways", published: 3 * moves, fanout: 1, bytes: size.handoff / 3, from: 1, to: 1},
		{name: "directory requests and answers", published: 2 * moves, fanout: 1, bytes: size.take / 2, from: 0.5, to: 0.5},
		{name: "writes of sessions", published: moves, fanout: 1, bytes: size.entry, copies: followers},
		{name: "room requests and answers after moves", published: 2 * moves, fanout: 1, bytes: (size.request + size.reply) / 2, from: 0.5, to: 0.5},
		{name: "room changes after moves", published: moves * d.gatewaysOfRoom(), fanout: 1, bytes: size.change, to: 1},
		{name: "writes of rooms after moves", published: moves, fanout: 1, bytes: size.room, copies: followers},
		{name: "answers of JetStream", published: d.writes(), fanout: 1, bytes: size.pubAck, copies: followers},
	}
}

// relays returns the clients' frames that pass NATS.
func (d deployment) relays() flow {
	return flow{name: "relays", published: d.crossing(), fanout: 1, bytes: sizesOf(d).relay, from: 1, to: 1}
}

// changes returns how many members join and leave rooms in a second.
func (d deployment) changes() float64 { return 2 * float64(d.Peers) / d.Stay.Seconds() }

// writes returns how often JetStream is written in a second: for each change of a room,
// because rooms are small and commits do not group, and twice for each move.
func (d deployment) writes() float64 {
	return d.changes() + 2*float64(d.Peers)/d.Move.Seconds()
}

// gatewaysOfRoom returns on how many gateways the members of a room are.
func (d deployment) gatewaysOfRoom() float64 {
	g := float64(d.Gateways)
	apart := g * (1 - math.Pow(1-1/g, float64(d.RoomSize)))
	return d.Together + (1-d.Together)*apart
}

// roomsAtGateway returns how many rooms a gateway follows.
func (d deployment) roomsAtGateway() float64 {
	return float64(d.Peers) / float64(d.RoomSize) * d.gatewaysOfRoom() / float64(d.Gateways)
}

// crossing returns how many relays a second have sender and receiver on different gateways.
func (d deployment) crossing() float64 {
	return float64(d.Peers) * d.Frames * (1 - d.Together) * (1 - 1/float64(d.Gateways))
}

// A receiver acknowledges at least once a second while relays come, and after so many.
const relaysOfAck = 256

// acks returns how many acknowledgements a second there are: on a link with few relays one
// for each second in which any came, else one for each relaysOfAck.
func (d deployment) acks() float64 {
	links := float64(d.Gateways) * float64(d.Gateways-1)
	if links == 0 {
		return 0
	}
	rate := d.crossing() / links
	return links * max(1-math.Exp(-rate), rate/relaysOfAck)
}

// load is what some flows cost.
type load struct {
	gatewayIn, gatewayOut float64 // messages a second of one gateway
	gatewayBytes          float64 // both ways, bytes a second
	node                  float64 // messages a second that one NATS server handles: each arrival and each delivery
	nodeBytes             float64
}

// loadOf adds flows up. Publishers, subscribers and the leaders of buckets are spread evenly.
func (d deployment) loadOf(flows ...flow) (l load) {
	g, nodes := float64(d.Gateways), float64(d.NATSNodes)
	for _, f := range flows {
		out, in := f.published*f.from/g, f.published*f.fanout*f.to/g
		l.gatewayOut += out
		l.gatewayIn += in
		l.gatewayBytes += (out + in) * f.bytes
		routed := f.published * (min(f.fanout, nodes)*(nodes-1)/nodes + f.copies)
		handled := f.published*(1+f.fanout) + 2*routed
		l.node += handled / nodes
		l.nodeBytes += handled * f.bytes / nodes
	}
	return l
}
