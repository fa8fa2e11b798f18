package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"p2pconnector/proto/service"
)

// programName is the name in errors and in the help.
const programName = "scale"

func main() {
	os.Exit(service.ExitCode(os.Stderr, programName, run(os.Args[1:], os.Stdout, os.Stderr)))
}

// run reads flags and prints the report.
func run(args []string, stdout, stderr io.Writer) error {
	if service.PrintVersion(stdout, programName, service.Build{}, args) {
		return nil
	}
	d := defaults()
	c := measured
	fs := flag.NewFlagSet(programName, flag.ContinueOnError)
	fs.IntVar(&d.Gateways, "gateways", d.Gateways, "`number` of gateways")
	fs.IntVar(&d.RoomServices, "roomsvcs", d.RoomServices, "`number` of room services")
	fs.IntVar(&d.NATSNodes, "nats", d.NATSNodes, "`number` of NATS servers in one cluster")
	fs.IntVar(&d.Replicas, "replicas", d.Replicas, "`copies` of each bucket")
	fs.IntVar(&d.Shards, "shards", d.Shards, "`number` of buckets that the rooms are spread over; there is one today")
	fs.IntVar(&d.Peers, "peers", d.Peers, "`number` of connected peers")
	fs.IntVar(&d.RoomSize, "room-size", d.RoomSize, "`members` of a room")
	fs.DurationVar(&d.Stay, "stay", d.Stay, "how long a peer stays in a room")
	fs.DurationVar(&d.Move, "move", d.Move, "how long until a peer resumes on another gateway")
	fs.Float64Var(&d.Frames, "frames", d.Frames, "`frames` that a peer sends to another in a second")
	fs.Float64Var(&d.Together, "together", d.Together, "`share` of the rooms whose members are on one gateway, 0 to 1")
	fs.Float64Var(&c.writes, "bucket-writes", c.writes, "`writes` a second that one bucket takes")
	fs.Float64Var(&c.messages, "node-messages", c.messages, "`messages` a second that one NATS server handles")
	fs.Float64Var(&c.leases, "gateway-leases", c.leases, "`leases` a second that a gateway may spend a tenth of a CPU on")
	if err := service.ParseTool(fs, args, stderr, "scale computes what the parts of a deployment send each other, and which limit it meets first."); err != nil {
		return err
	}
	if err := service.UsageError(programName, d.validate(), c.validate()); err != nil {
		return err
	}
	report(stdout, d, c)
	return nil
}

// defaults is the deployment that the documents compute.
func defaults() deployment {
	return deployment{
		Gateways: 100, RoomServices: 6, NATSNodes: 3, Replicas: 3, Shards: 1, Peers: 1_000_000,
		RoomSize: 4, Stay: 30 * time.Minute, Frames: 0.05, Move: 24 * time.Hour, LeaseRate: 1,
	}
}

// validate returns all mistakes at once.
func (d deployment) validate() error {
	var errs []error
	for _, x := range []struct {
		flag  string
		value int
	}{
		{"gateways", d.Gateways}, {"roomsvcs", d.RoomServices}, {"nats", d.NATSNodes}, {"replicas", d.Replicas},
		{"shards", d.Shards}, {"peers", d.Peers}, {"room-size", d.RoomSize},
	} {
		if x.value < 1 {
			errs = append(errs, fmt.Errorf("--%s is %d, must be at least 1", x.flag, x.value))
		}
	}
	if d.Stay < time.Second || d.Move < time.Second {
		errs = append(errs, fmt.Errorf("--stay is %v and --move %v, must be at least 1s", d.Stay, d.Move))
	}
	if d.Replicas > d.NATSNodes {
		errs = append(errs, fmt.Errorf("--replicas is %d with %d NATS servers, must be at most their number", d.Replicas, d.NATSNodes))
	}
	if !(d.Together >= 0 && d.Together <= 1) || !(d.Frames >= 0 && d.Frames <= 1e6) {
		errs = append(errs, fmt.Errorf("--together is %v and --frames %v, must be 0 to 1 and 0 to 1000000", d.Together, d.Frames))
	}
	return errors.Join(errs...)
}
