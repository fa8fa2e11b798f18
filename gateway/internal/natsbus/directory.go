package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// errDirectory is the cause when a directory did not answer in time.
var errDirectory = errors.New("the directory did not answer in time")

// AskDirectory asks the room service about sessions until it answers, or until patience
// is over. All requests to the directory may be repeated. A refusal other than Unavailable is
// an error at once, of type *proto.Error.
func (t *Requests) AskDirectory(op bus.SessionOperation, req *bus.SessionRequest, patience time.Duration) (*bus.SessionReply, error) {
	reply := new(bus.SessionReply)
	err := t.askUntil(bus.SessionsSubject(op), encode(req), patience, func(data []byte) (*proto.Error, error) {
		*reply = bus.SessionReply{}
		err := json.Unmarshal(data, reply)
		return reply.Error, err
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// AskNames is AskDirectory for the directory of names.
func (t *Requests) AskNames(op bus.NameOperation, req *bus.NameRequest, patience time.Duration) (*bus.NameReply, error) {
	reply := new(bus.NameReply)
	err := t.askUntil(bus.NamesSubject(op), encode(req), patience, func(data []byte) (*proto.Error, error) {
		*reply = bus.NameReply{}
		err := json.Unmarshal(data, reply)
		return reply.Error, err
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// Probe asks the room service whether rooms can be changed, and does not wait. A sync of no
// rooms changes nothing and reads nothing.
func (t *Requests) Probe(answer func(refused *proto.Error, err error)) {
	t.Send(time.Now().Add(service.ReadyTimeout), bus.OpSync, &bus.Request{}, func(r *bus.Reply, err error) {
		if err != nil {
			answer(nil, err)
			return
		}
		answer(r.Error, nil)
	})
}

// AskKeys asks the room service for the keys that all gateways share, and restores there
// what it has lost of have.
func (t *Requests) AskKeys(have *bus.KeySet) (*bus.KeySet, error) {
	reply, err := t.Ask(bus.OpKeys, &bus.Request{Gateway: t.cfg.Own, Keys: have})
	if err != nil {
		return nil, err
	}
	return reply.Keys, nil
}

// askUntil sends a request until read finds an answer whose error, if any, is not Unavailable,
// or until patience is over.
func (t *Requests) askUntil(subject string, data []byte, patience time.Duration, read func([]byte) (*proto.Error, error)) error {
	deadline := time.Now().Add(patience)
	backoff := time.NewTimer(0)
	defer backoff.Stop()
	<-backoff.C
	for pause := firstBackoff; ; pause = min(2*pause, maxBackoff) {
		answer, err := t.askOnce(subject, data, min(answerTimeout, time.Until(deadline)))
		if err == nil {
			var refused *proto.Error
			if refused, err = read(answer); err == nil && refused == nil {
				return nil
			}
			if err == nil {
				err = refused
				if refused.Code != proto.Unavailable {
					return err
				}
			}
		}
		if errors.Is(err, ErrEnding) || time.Until(deadline) <= pause {
			return fmt.Errorf("%w: %w", errDirectory, err)
		}
		backoff.Reset(pause)
		select {
		case <-backoff.C:
		case <-t.cfg.Ended:
			return ErrEnding
		}
	}
}

func (t *Requests) askOnce(subject string, data []byte, patience time.Duration) ([]byte, error) {
	n, answer, err := t.question(subject, data)
	defer t.forget(n)
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case m := <-answer:
		if m.NoResponders() {
			return nil, nats.ErrNoResponders
		}
		return m.Data, nil
	case <-late.C:
		return nil, nats.ErrTimeout
	case <-t.cfg.Ended:
		return nil, ErrEnding
	}
}
