package metrics

import (
	"math/rand/v2"
	"strconv"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Relays counts the results of relayed frames, and measures how long some of them take.
type Relays struct {
	// The result of each relayed frame for each of its receivers.
	Delivered, QueueFull, NotFound Counter
	Moved                          Counter // to be forwarded to another gateway
	OverShare                      Counter // the sender had used its share of what waits for the receiver
	NotAccepted                    Counter // the receiver accepts no frames of the sender

	Drops      CounterSet[proto.ErrorCode] // not delivered, by the code that the sender got
	Unreported Counter                     // errors about dropped frames that did not reach the sender
	Outdated   Counter                     // refused because their sender has moved in the meantime

	took latencies
}

// dropCodes are the codes that the sender of a dropped frame may get.
var dropCodes = []proto.ErrorCode{proto.NotDelivered, proto.NotFound, proto.Unauthorised, proto.Unavailable}

func (r *Relays) init() {
	r.Drops.init(dropCodes...)
	r.took = newLatencies()
}

// Refused counts a client's frame that was answered with an error, when it was for other
// peers and was not delivered.
func (r *Relays) Refused(e proto.Event, code proto.ErrorCode) {
	switch e {
	case proto.Connect, proto.Offer, proto.Answer, proto.Candidate, proto.Message:
	default:
		return
	}
	switch code {
	case proto.NotFound, proto.NotDelivered, proto.Unauthorised, proto.Unavailable:
		r.Drops.Inc(code)
	}
}

// One relayed frame in sampleEvery is timed: reading the clock for each frame would cost
// more than the relay that it measures.
const sampleEvery = 64

// maxTook is the longest time between two gateways that is counted. A longer time means
// that the hosts' clocks disagree.
const maxTook = time.Minute

// Sample returns the present moment for a frame that is to be timed, and 0 for all others.
func Sample() clock.Instant {
	if rand.Uint32()%sampleEvery != 0 {
		return 0
	}
	return clock.Now()
}

// TookHere records that a frame read at began is queued for a connection of this gateway.
// A began of 0 is a frame that is not timed.
func (r *Relays) TookHere(began clock.Instant) {
	if began != 0 {
		r.took.here.Observe(clock.Now().Sub(began).Seconds())
	}
}

// FormatBegan returns the text that tells another gateway when a frame was read, in Unix
// nanoseconds: monotonic clocks mean nothing to other hosts.
func FormatBegan(began clock.Instant) string {
	return strconv.FormatInt(began.Wall().UnixNano(), 10)
}

// TookNATS records that a frame of another gateway is queued for a connection of this
// gateway. began is what FormatBegan returned there; "" is a frame that is not timed.
func (r *Relays) TookNATS(began string) {
	if began == "" {
		return
	}
	ns, err := strconv.ParseInt(began, 10, 64)
	if took := time.Since(time.Unix(0, ns)); err == nil && took < maxTook && took > -maxTook {
		r.took.nats.Observe(max(took, 0).Seconds())
	}
}
