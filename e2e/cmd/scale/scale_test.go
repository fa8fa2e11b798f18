package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/bus"
)

var update = flag.Bool("update", false, "write the report into the document afresh")

const document = "../../../gateway/web/docs/scale.md"

// TestReport_Document_HasThatOfTheDefaults: the document shows what the program prints. After
// a change: go test ./e2e/cmd/scale -update
func TestReport_Document_HasThatOfTheDefaults(t *testing.T) {
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := run(nil, &want, io.Discard); err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- scale -->\n", "\n<!-- end -->"
	before, rest, ok := strings.Cut(string(b), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q … %q", document, begin, end)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the report: run go test ./e2e/cmd/scale -update\n got\n%s\nwant\n%s", document, got, want.String())
	}
	if err := os.WriteFile(document, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFlows_SmallDeployment_AddUpByHand computes two gateways by hand.
func TestFlows_SmallDeployment_AddUpByHand(t *testing.T) {
	d := deployment{
		Gateways: 2, RoomServices: 1, NATSNodes: 1, Replicas: 1, Shards: 1, Peers: 400, RoomSize: 2,
		Stay: 100 * time.Second, Frames: 1, Move: 200 * time.Second, LeaseRate: 1,
	}
	for name, x := range map[string]struct{ got, want float64 }{
		"changes: 400 come and 400 go in 100 s":             {d.changes(), 8},
		"writes: those and two for each of 2 moves":         {d.writes(), 12},
		"gateways of a room of two":                         {d.gatewaysOfRoom(), 1.5},
		"rooms at a gateway: three quarters of 200":         {d.roomsAtGateway(), 150},
		"crossing relays: half of 400":                      {d.crossing(), 200},
		"acknowledgements: two links, one a second on each": {d.acks(), 2},
		"leases that a gateway gets":                        {d.loadOf(d.flows()[0]).gatewayIn, 2},
		"leases that the server handles: 2 in, 6 out":       {d.loadOf(d.flows()[0]).node, 8},
		"relays that a gateway gets":                        {d.loadOf(d.relays()).gatewayIn, 100},
		"relays that the server handles: 200 in, 200 out":   {d.loadOf(d.relays()).node, 400},
	} {
		if math.Abs(x.got-x.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, x.got, x.want)
		}
	}
	d.NATSNodes = 2
	if got := d.loadOf(d.relays()).node; got != 300 {
		t.Errorf("with two servers each handles %v relays, want 300: 100 come, 50 go to the other, 50 come from it, 100 go out", got)
	}
	d.Frames = 1e4
	if got, want := d.acks(), d.crossing()/relaysOfAck; got != want {
		t.Errorf("got %v acknowledgements of busy links, want %v", got, want)
	}
	d.Together = 1
	if got := d.crossing() + d.gatewaysOfRoom(); got != 1 {
		t.Errorf("with every room on one gateway: crossing relays and gateways of a room are %v together, want 1", got)
	}
}

// TestFirst_EachLever_MovesItsLimit: what the table names as a lever helps.
func TestFirst_EachLever_MovesItsLimit(t *testing.T) {
	d := defaults()
	l, gateways := first(d, measured)
	if l.name != limits[0].name {
		t.Fatalf("got the first limit %q, want %q", l.name, limits[0].name)
	}
	used := func(n int) float64 { e := d; e.Gateways, e.Peers = n, n*d.Peers/d.Gateways; return l.used(e, measured) }
	if used(gateways) > 1 || used(gateways+1) <= 1 {
		t.Errorf("%d gateways use %v of the limit and one more %v, want at most 1 and above 1", gateways, used(gateways), used(gateways+1))
	}
	d.Shards = 1000
	if next, more := first(d, measured); next.name == l.name || more <= gateways {
		t.Errorf("with 1000 buckets the first limit is %q with %d gateways, want another and more than %d", next.name, more, gateways)
	}
	before := limits[1].used(d, measured)
	d.Together = 1
	if after := limits[1].used(d, measured); after >= before {
		t.Errorf("rooms on one gateway leave a NATS server at %v, before %v; want less", after, before)
	}
}

func TestRun_WrongSettings_AllAreNamed(t *testing.T) {
	err := run([]string{"--gateways", "0", "--replicas", "5", "--together", "2"}, io.Discard, io.Discard)
	for _, want := range []string{"--gateways is 0", "--replicas is 5", "--together is 2", "; see scale --help"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
}

func TestRun_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, programName, "gateways", func(_ context.Context, args []string, stderr io.Writer) error { return run(args, io.Discard, stderr) })
}

// TestNumber_Figures_HaveThreeDigits.
func TestNumber_Figures_HaveThreeDigits(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.123456: "0.123", 100: "100", 999.6: "1,000", 1234: "1,230", 49500: "49,500", 5280000: "5,280,000"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
}

// BenchmarkLease decodes a lease, which is most of what one costs a gateway.
func BenchmarkLease(b *testing.B) {
	lease, err := json.Marshal(bus.Lease{Gateway: gatewayID, Peers: 10000, Rooms: 4000, Tracker: true, Settings: &bus.SharedSettings{SessionGraceMS: 15000, MaxRoomMembers: 10000}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var l bus.Lease
		if err := json.NewDecoder(bytes.NewReader(lease)).Decode(&l); err != nil {
			b.Fatal(err)
		}
	}
}
