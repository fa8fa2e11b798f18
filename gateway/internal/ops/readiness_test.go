package ops

import (
	"context"
	"errors"
	"slices"
	"testing"

	"p2pconnector/proto"
)

// TestMissing_EachCause_IsNamed: an operator reads what keeps a gateway from being ready,
// and no more than can be known.
func TestMissing_EachCause_IsNamed(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	noAnswer := func(func(*proto.Error, error)) {}
	for name, tc := range map[string]struct {
		change func(*Readiness)
		want   []string
	}{
		"nothing":               {func(*Readiness) {}, nil},
		"a loop hangs":          {func(r *Readiness) { r.Hung, r.AskRooms = func() string { return "hung: bus" }, nil }, []string{"hung: bus"}},
		"draining":              {func(r *Readiness) { r.Draining = func() bool { return true } }, []string{"draining"}},
		"no bus":                {func(r *Readiness) { r.Connected, r.AskRooms = func() bool { return false }, nil }, []string{"no connection to NATS"}},
		"no answer about rooms": {func(r *Readiness) { r.AskRooms = noAnswer }, []string{"the room service does not answer"}},
		"rooms not reached":     {func(r *Readiness) { r.AskRooms = func(f func(*proto.Error, error)) { f(nil, errors.New("x")) } }, []string{"the room service does not answer"}},
		"rooms refuse": {func(r *Readiness) {
			r.AskRooms = func(f func(*proto.Error, error)) { f(&proto.Error{Message: "no"}, nil) }
		}, []string{"the room service answers: no"}},
		"starting":              {func(r *Readiness) { r.Ready = make(chan struct{}) }, []string{"starting"}},
		"starting, for a cause": {func(r *Readiness) { r.Ready, r.AskRooms = make(chan struct{}), noAnswer }, []string{"the room service does not answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Readiness{
				Hung: func() string { return "" }, Draining: func() bool { return false }, Connected: func() bool { return true },
				AskRooms: func(f func(*proto.Error, error)) { f(nil, nil) }, Ready: closed,
			}
			tc.change(&r)
			ctx, cancel := context.WithCancel(t.Context())
			if name == "no answer about rooms" || name == "starting, for a cause" {
				cancel()
			}
			defer cancel()
			if got := r.Missing(ctx); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
