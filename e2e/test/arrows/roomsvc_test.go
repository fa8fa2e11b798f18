package arrows_test

import "testing"

// roomsvcPackages is to the room service what gatewayPackages is to the gateway.
var roomsvcPackages = map[string][]string{
	"cmd/roomsvc":        {"proto/service", "roomsvc"},
	"internal/commit":    {"proto", "proto/bus", "roomsvc/internal/kv", "roomsvc/internal/metrics", "roomsvc/internal/room"},
	"internal/directory": {"proto", "proto/bus", "roomsvc/internal/kv", "roomsvc/internal/metrics"},
	"internal/kv":        {},
	"internal/kv/kvtest": {"roomsvc/internal/kv"},
	"internal/metrics":   {"proto", "proto/bus", "github.com/prometheus/client_golang"},
	"internal/query":     {"proto", "proto/bus", "roomsvc/internal/kv"},
	"internal/room":      {"proto", "proto/bus", "roomsvc/internal/kv"},
	"internal/signing":   {"proto/bus", "roomsvc/internal/kv"},
	"internal/store":     {"proto/bus", "roomsvc/internal/kv", "github.com/nats-io/nats.go"},
	"internal/sweep":     {"proto", "proto/bus", "roomsvc/internal/kv", "roomsvc/internal/metrics"},
}

// TestPackages_BelowTheRoomService_ImportWhatTheyMay: the packages below the room service's
// root import each other only as declared, and none imports the root.
func TestPackages_BelowTheRoomService_ImportWhatTheyMay(t *testing.T) {
	for _, fault := range faults(ours(t), "roomsvc", roomsvcPackages) {
		t.Error(fault)
	}
}
