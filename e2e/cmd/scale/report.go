package main

import (
	"fmt"
	"io"
	"strconv"
)

// report prints tables in Markdown.
func report(out io.Writer, d deployment, c capacity) {
	fmt.Fprintf(out, "%s gateways, %s peers in rooms of %d for %v each, %v frames a second from each peer, a move every %v;\n",
		number(float64(d.Gateways)), number(float64(d.Peers)), d.RoomSize, d.Stay, d.Frames, d.Move)
	fmt.Fprintf(out, "%d room services, %d NATS servers, %d copies, %.0f %% of the rooms on one gateway.\n\n",
		d.RoomServices, d.NATSNodes, d.Replicas, 100*d.Together)
	fmt.Fprintln(out, "| messages | published a second | deliveries of each | bytes of each | MB/s delivered |")
	fmt.Fprintln(out, "|---|---|---|---|---|")
	all := append(d.flows(), d.relays())
	for _, f := range all {
		fmt.Fprintf(out, "| %s | %s | %s | %.0f | %.2f |\n", f.name, number(f.published), number(f.fanout), f.bytes, f.published*f.fanout*f.bytes/1e6)
	}
	control, relays := d.loadOf(d.flows()...), d.loadOf(d.relays())
	fmt.Fprintln(out, "\n| load | control | relays |\n|---|---|---|")
	fmt.Fprintf(out, "| a gateway receives | %s/s | %s/s |\n", number(control.gatewayIn), number(relays.gatewayIn))
	fmt.Fprintf(out, "| a gateway publishes | %s/s | %s/s |\n", number(control.gatewayOut), number(relays.gatewayOut))
	fmt.Fprintf(out, "| bytes of a gateway, both ways | %.2f MB/s | %.2f MB/s |\n", control.gatewayBytes/1e6, relays.gatewayBytes/1e6)
	fmt.Fprintf(out, "| a NATS server handles | %s/s | %s/s |\n", number(control.node), number(relays.node))
	fmt.Fprintf(out, "| bytes of a NATS server, both ways | %.1f MB/s | %.1f MB/s |\n", control.nodeBytes/1e6, relays.nodeBytes/1e6)
	fmt.Fprintln(out, "\n| limit | used here | what moves it |\n|---|---|---|")
	for _, l := range limits {
		fmt.Fprintf(out, "| %s | %.0f %% | %s |\n", l.name, 100*l.used(d, c), l.lever)
	}
	l, gateways := first(d, c)
	fmt.Fprintf(out, "\nWith as many peers on each gateway, the first limit is %s, with %s gateways and %s peers.\n",
		l.name, number(float64(gateways)), number(float64(gateways)*float64(d.Peers)/float64(d.Gateways)))
}

// number formats a figure with three digits that count, and commas between thousands.
func number(x float64) string {
	if x < 100 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	scale := 1.0
	for x/scale >= 1000 {
		scale *= 10
	}
	s := strconv.FormatInt(int64(float64(int64(x/scale+0.5))*scale), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
