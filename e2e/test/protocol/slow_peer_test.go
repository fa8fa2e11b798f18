package protocol_test

import (
	"fmt"
	"strconv"
	"strings"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// overfill sends frames so large that few fill the receiver's queue and the
// buffers of both kernels; overfillFrames bounds it anyway.
const (
	overfillBytes  = 48 << 10
	overfillFrames = 1000
)

var overfillPad = strings.Repeat("x", overfillBytes)

// overfill sends frames to a peer that does not read until the sender receives
// Not_Delivered, and returns that error. It calls sent after each frame.
func overfill(p *pair, e proto.Event, target, data string, sent func(i int)) *client.Error {
	p.t.Helper()
	for i := range overfillFrames {
		p.a.Send(`{"event":%q,%s,%s,"id":%d}`, e, target, data, i)
		sent(i)
		p.a.Send(`{"event":"Ping","id":"p"}`)
		for {
			f := p.a.Next()
			if f.Is(proto.Pong) {
				break
			}
			if err := f.Err(); err != nil {
				checkServerFrame(p.t, f, proto.TypeError)
				var id int
				if _, scan := fmt.Sscan(string(f.ID), &id); scan != nil || id > i {
					p.t.Errorf("got an error with the id %s, want one of the frames up to %d", f.ID, i)
				}
				return err
			}
			p.t.Fatalf("got %.200s, want Pong or an error", f.Raw)
		}
	}
	p.t.Fatalf("got no refusal of %d frames of %d bytes to a peer that does not read, want one", overfillFrames, overfillBytes)
	return nil
}

// notDelivered checks that the sender to a slow peer receives Not_Delivered, and
// that the slow peer stays connected and receives the accepted frames, in order.
func notDelivered(p *pair, e proto.Event, data func(pad string) string) {
	slow := p.DialNonReader(p.t, 1)
	err := overfill(p, e, fmt.Sprintf(`"to":%q`, slow.ID), data(overfillPad), func(int) {})
	if err.Code != proto.NotDelivered || err.To != string(slow.ID) || err.Event != string(e) {
		p.t.Errorf("the sender: got %+v, want %s about %s", err, proto.NotDelivered, slow.ID)
	}
	slow.Send(`{"event":"Ping"}`)
	last, frames := -1, 0
	for f := slow.Next(); !f.Is(proto.Pong); f = slow.Next() {
		frames++
		var id int
		if _, scan := fmt.Sscan(string(f.ID), &id); scan == nil { // a Connect has none
			if id != last+1 {
				p.t.Fatalf("got frame %d after %d, want them in order", id, last)
			}
			last = id
		}
	}
	if frames == 0 {
		p.t.Error("got none of the accepted frames, want all")
	}
	p.b.Quiet() // the gateway's other peers are not affected
}

// roomNotDelivered checks that a room message that did not reach one member
// reaches the others, and that the sender receives the id of that member.
func roomNotDelivered(p *pair) {
	p.together()
	slow := p.DialNonReader(p.t, 1)
	slow.Send(fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q}}`, p.room))
	p.a.Members(p.room, p.a.ID, p.b.ID, slow.ID)
	p.b.Members(p.room, p.a.ID, p.b.ID, slow.ID)
	err := overfill(p, proto.Message, `"room":`+quoted(p.room), `"data":`+quoted(overfillPad), func(i int) {
		f := p.b.Until("the message", func(f *client.Frame) bool { return f.Event == string(proto.Message) })
		if string(f.ID) != strconv.Itoa(i) {
			p.t.Fatalf("got message %s, want %d", f.ID, i)
		}
	})
	if err.Code != proto.NotDelivered || err.Room != p.room || err.Event != string(proto.Message) ||
		len(err.Clients) != 1 || err.Clients[0] != slow.ID {
		p.t.Errorf("the sender: got %+v, want %s about %s", err, proto.NotDelivered, slow.ID)
	}
}
