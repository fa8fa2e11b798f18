package roomsvc

import (
	"testing"

	"github.com/nats-io/nats.go/micro"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/directory"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
	"p2pconnector/roomsvc/internal/store"
)

// fakeRequest is a request that wants no reply.
type fakeRequest struct {
	micro.Request
	data string
}

func (r fakeRequest) Data() []byte  { return []byte(r.data) }
func (r fakeRequest) Reply() string { return "" }

// TestDirectoryConfig_Waiting_IsAQuarterOfThoseOfRooms: as the setting says.
func TestDirectoryConfig_Waiting_IsAQuarterOfThoseOfRooms(t *testing.T) {
	s, err := New(Config{MaxWaiting: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.directoryConfig(new(store.Bucket)).Waiting; got != 1024 {
		t.Errorf("of 4,096 operations: got %d requests to a directory, want 1,024", got)
	}
}

// TestDirectoryRequest_OfAGateway_IsTrackedWhenItBecomesAnOwner: a gateway that is tracked and
// sends no lease costs a sweep of all buckets. The late end of a dead gateway, which was swept,
// must not cause another.
func TestDirectoryRequest_OfAGateway_IsTrackedWhenItBecomesAnOwner(t *testing.T) {
	const (
		peer  = `"peer":"aaaaaaaa-0000-8000-8000-000000000001"`
		owner = `"owner":"aaaaaaaa"`
		name  = `"namespace":"n","name":"a"`
	)
	for what, c := range map[string]struct {
		session bus.SessionOperation
		name    bus.NameOperation
		request string
		want    int // gateways tracked afterwards
	}{
		"take":                       {bus.SessionTake, "", peer + "," + owner + `,"epoch":1`, 1},
		"take that is invalid":       {bus.SessionTake, "", peer + "," + owner, 0},
		"end":                        {bus.SessionEnd, "", peer + "," + owner + `,"epoch":1`, 0},
		"sync":                       {bus.SessionSync, "", owner, 0},
		"claim":                      {"", bus.NameClaim, name + "," + peer + "," + owner, 1},
		"claim that is invalid":      {"", bus.NameClaim, peer + "," + owner, 0},
		"release":                    {"", bus.NameRelease, name + "," + peer + "," + owner, 0},
		"get of a name, by an owner": {"", bus.NameGet, name + "," + owner, 0},
	} {
		s, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		cfg := directory.Config{Log: s.cfg.Logger, Metrics: s.metrics, Usage: new(kv.Usage), Waiting: 16_384, Conn: func() uint64 { return 0 }}
		sessions, names := directory.NewSessions(kvtest.NewFake(), cfg), directory.NewNames(kvtest.NewFake(), nil, cfg)
		if c.session != "" {
			s.sessionEndpoints(sessions).handler(c.session)(fakeRequest{data: "{" + c.request + "}"})
		} else {
			s.nameEndpoints(names).handler(c.name)(fakeRequest{data: "{" + c.request + "}"})
		}
		sessions.Close(t.Context())
		names.Close(t.Context())
		if got := s.Stats().Gateways; got != c.want {
			t.Errorf("%s: got %d gateways tracked, want %d", what, got, c.want)
		}
	}
}
