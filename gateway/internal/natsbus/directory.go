package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto/bus"
)

// errDirectory is the cause when the directory did not answer in time.
var errDirectory = errors.New("the session directory did not answer in time")

// AskDirectory asks the room service about sessions until it answers, or until patience
// is over. All requests to the directory may be repeated.
func (t *Requests) AskDirectory(op bus.SessionOperation, req *bus.SessionRequest, patience time.Duration) (*bus.SessionReply, error) {
	deadline := time.Now().Add(patience)
	data := encode(req)
	backoff := time.NewTimer(0)
	defer backoff.Stop()
	<-backoff.C
	for pause := firstBackoff; ; pause = min(2*pause, maxBackoff) {
		reply, err := t.askDirectoryOnce(op, data, min(answerTimeout, time.Until(deadline)))
		if err == nil && reply.Error == nil {
			return reply, nil
		}
		if err == nil {
			err = reply.Error
		}
		if errors.Is(err, ErrEnding) || time.Until(deadline) <= pause {
			return nil, fmt.Errorf("%w: %w", errDirectory, err)
		}
		backoff.Reset(pause)
		select {
		case <-backoff.C:
		case <-t.cfg.Ended:
			return nil, ErrEnding
		}
	}
}

func (t *Requests) askDirectoryOnce(op bus.SessionOperation, data []byte, patience time.Duration) (*bus.SessionReply, error) {
	n, answer, err := t.question(bus.SessionsSubject(op), data)
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
		reply := new(bus.SessionReply)
		return reply, json.Unmarshal(m.Data, reply)
	case <-late.C:
		return nil, nats.ErrTimeout
	case <-t.cfg.Ended:
		return nil, ErrEnding
	}
}
