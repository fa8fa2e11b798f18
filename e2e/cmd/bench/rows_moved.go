package main

import (
	"context"
	"encoding/json"
	"fmt"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// movedStarters returns the systems whose peers can move: ours, and another build of it.
func (b *bench) movedStarters() (some []starter) {
	for _, st := range b.relayStarters() {
		if st.name == ours || st.name == otherBuild {
			some = append(some, st)
		}
	}
	return some
}

func movedSteps(b *bench) int { return len(b.movedStarters()) * len(b.relayCases()) * b.opt.rounds }

// movedRow is relayRow for peers that have all resumed their sessions on the other gateway
// before: the peers of a pair are on different gateways again, and neither is at home.
func movedRow(ctx context.Context, b *bench) error {
	systems, err := b.startAll(ctx, "moved", b.movedStarters()...)
	if err != nil {
		return err
	}
	defer stopAll(systems)
	fleets := make(map[*system]*fleet)
	defer closeAll(fleets)
	for _, s := range systems {
		tokens := make([]string, connections(s))
		s.hello = func(i int, first []byte) (id string, err error) {
			id, tokens[i], _, err = sessionDetails(first)
			return id, err
		}
		if fleets[s], err = connect(ctx, s, len(tokens), 8<<10); err != nil {
			return err
		}
		if err := fleets[s].move(ctx, tokens); err != nil {
			return s.explain(err)
		}
	}
	return b.relayInTurns(ctx, "moved", systems, fleets)
}

// sessionDetails reads a gateway's first frame, or its answer to a Resume.
func sessionDetails(frame []byte) (id, token string, resumed bool, err error) {
	var f struct {
		Event string
		Data  struct {
			ID, Session string
			Resumed     bool
		}
	}
	if err = json.Unmarshal(frame, &f); err == nil && (f.Event != string(proto.ClientDetails) || f.Data.ID == "") {
		err = fmt.Errorf("%.200q is no %s", frame, proto.ClientDetails)
	}
	return f.Data.ID, f.Data.Session, f.Data.Resumed, err
}

// move makes each peer resume its session on the next gateway. tokens are the tokens of the
// sessions.
func (f *fleet) move(ctx context.Context, tokens []string) error {
	for i, old := range f.conns {
		c, err := f.sys.resume(ctx, i+1, old.ID, tokens[i])
		if err != nil {
			return fmt.Errorf("moving connection %d: %w", i, err)
		}
		c.ID, c.At = old.ID, old.At
		c.Start()
		f.conns[i] = c
		<-old.Done() // its gateway closes it
		old.Close()
	}
	return nil
}

// resume opens a connection to the i-th server, modulo their number, that takes over the
// session of peer id.
func (s *system) resume(ctx context.Context, i int, id, token string) (*load.Conn, error) {
	c, err := load.Dial(ctx, s.addrs[i%len(s.addrs)], s.target(i), nil, 8<<10)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(proto.ResumeData{Session: token})
	if err == nil {
		_, err = c.Next() // as the new peer that it is until it resumes
	}
	if err == nil {
		err = c.Write(load.AppendFrame(nil, load.OpText, fmt.Appendf(nil, `{"event":%q,"data":%s}`, proto.Resume, data)))
	}
	var answer []byte
	if err == nil {
		answer, err = c.Next()
	}
	if err == nil {
		if got, _, resumed, bad := sessionDetails(answer); bad != nil || got != id || !resumed {
			err = fmt.Errorf("resuming %s: got %.300q, want the same peer", id, answer)
		}
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
