package main

import (
	"fmt"
	"strings"
)

// goalResult is the result of one goal.
type goalResult struct {
	Goal     string  `json:"goal"`
	Bound    float64 `json:"bound"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit,omitempty"` // "x": a ratio
	Pass     bool    `json:"pass"`
	Measured bool    `json:"measured"`
	atLeast  bool
}

const ratio = "x"

// checkGoals compares the book with the goals.
func (k *book) checkGoals() {
	full, slow, fast := relayCase(smallBytes, fullRate), relayCase(smallBytes, slowRate), relayCase(smallBytes, fastRate)
	offer := relayCase(offerBytes, fullRate)
	relay := func(kase, system, metric string) term { return term{"relay", kase, system, metric} }
	k.Goals = nil
	k.atMost("relay 300 B, full speed: CPU per message / (echo + NATS)", 0.6,
		relay(full, ours, "cpu"), relay(full, echoFloor, "cpu"), relay(full, natsFloor, "cpu"))
	k.atMost("relay 300 B, full speed: CPU per message / PeerServer", 0.6, relay(full, ours, "cpu"), relay(full, peerServer, "cpu"))
	k.atMost("relay 3 KB, full speed: CPU per message / PeerServer", 0.8, relay(offer, ours, "cpu"), relay(offer, peerServer, "cpu"))
	k.atMost("relay 300 B, 1,000/s: p50 / echo", 2, relay(slow, ours, "p50"), relay(slow, echoFloor, "p50"))
	k.atMost("relay 300 B, 1,000/s: CPU per message / echo", 3.2, relay(slow, ours, "cpu"), relay(slow, echoFloor, "cpu"))
	k.atMost("relay 300 B, 8,000/s: p99 / echo", 2.5, relay(fast, ours, "p99"), relay(fast, echoFloor, "p99"))
	fan := fanoutCase(1000, 4)
	k.atMost("fan-out to 1,000, 4 in flight: CPU per delivery / echo at full speed", 0.5,
		term{"fanout", fan, ours, "cpu"}, term{"fanout", full, echoFloor, "cpu"})
	k.atMost("fan-out to 1,000, 4 in flight: until the last member / until the middle one", 2,
		term{"fanout", fan, ours, "last p50"}, term{"fanout", fan, ours, "p50"})
	tracker := func(system string) term { return term{"tracker", scalingCase(1), system, "cpu"} }
	k.atMost("announces with 5 offers: CPU per announce / bittorrent-tracker", 0.8, tracker(ours), tracker(npmTracker))
	k.stormGoals()
	k.atMostAbsolute("idle: RSS of all servers per connection", 9, kilobytes, k.firstCase("idle", ours, "RSS each"))
	k.atMost("scaling: CPU per message, 4 gateways / 1", 1.1, term{"scaling", scalingCase(4), ours, "cpu"}, term{"scaling", scalingCase(1), ours, "cpu"})
	k.atMost("scaling: CPU per message, 4 gateways / 2 (with 1, no frame crosses the bus)", 1.1, term{"scaling", scalingCase(4), ours, "cpu"}, term{"scaling", scalingCase(2), ours, "cpu"})
	k.atMost("PeerJS 300 B on 1 gateway, full speed: CPU per message / PeerServer", 0.6, term{"peerjs", scalingCase(1), ours, "cpu"}, term{"peerjs", scalingCase(1), peerServer, "cpu"})
	k.crowdGoals()
	k.atLeastAbsolute("room operations: joins over 1,000 rooms, sync_interval off", 5000, perSecond, term{"rooms", roomLayouts[0].kase, ours, "joins"})
}

// stormGoals checks both ways of notifying members: the goal counts for each.
func (k *book) stormGoals() {
	for _, mode := range stormModes {
		few, many := stormCase(100, mode.name), stormCase(1000, mode.name)
		storm := func(kase, metric string) term { return term{"storm", kase, ours, metric} }
		k.atMostAbsolute("join storm of 1,000, "+mode.name+": all know all within", 250, "ms", storm(many, "all know all"))
		// Linear from 100 to 1,000 is tenfold; half as much again is the allowance.
		k.atMost("join storm, "+mode.name+": CPU per join, 1,000 / 100 peers (linear: 10)", 15, storm(many, "cpu per join"), storm(few, "cpu per join"))
		k.atMost("join storm, "+mode.name+": bytes per peer, 1,000 / 100 peers (linear: 10)", 15, storm(many, "sent per peer"), storm(few, "sent per peer"))
		k.atMostAbsolute("join storm of 1,000, "+mode.name+": KV writes", 59, count, storm(many, "KV writes"))
	}
}

// crowdGoals checks what clients miss while connections and gateways end.
func (k *book) crowdGoals() {
	jitter := func(metric string) term { return k.firstCase("jitter", ours, metric) }
	k.atLeastAbsolute("jitter: messages delivered", 100, percent, jitter("delivered"))
	k.atMostAbsolute("jitter: p99 from sending to arrival, with 2 s offline", 2500, "ms", jitter("p99"))
	k.atMostAbsolute("jitter: messages delivered twice", 0, count, jitter("twice"))
	k.atMostAbsolute("jitter: notices that a member has left", 0, count, jitter("leave notices"))
	for _, mode := range deployModes {
		deploy := func(metric string) term { return k.caseWith("deploy", mode.name, metric) }
		k.atMostAbsolute("deploy, "+mode.name+": sessions lost", 0, count, deploy("sessions lost"))
		k.atMostAbsolute("deploy, "+mode.name+": notices that a member has left", 0, count, deploy("leave notices"))
	}
	k.atMostAbsolute("deploy, SIGTERM: p95 of the absences beyond the announced delay", 0.3, "s", k.caseWith("deploy", "SIGTERM", "late p95"))
	k.atMostAbsolute("deploy, SIGKILL: p95 of the absences", 1, "s", k.caseWith("deploy", "SIGKILL", "away p95"))
}

// term names a figure.
type term struct{ row, kase, system, metric string }

// firstCase names a figure whose case depends on the flags.
func (k *book) firstCase(row, system, metric string) term {
	for _, f := range k.section(row).Figures {
		if f.System == system && f.Metric == metric {
			return term{row, f.Case, system, metric}
		}
	}
	return term{row, "", system, metric}
}

// caseWith names a figure of ours whose case has part in its name.
func (k *book) caseWith(row, part, metric string) term {
	for _, f := range k.section(row).Figures {
		if f.System == ours && f.Metric == metric && strings.Contains(f.Case, part) {
			return term{row, f.Case, ours, metric}
		}
	}
	return term{row, "", ours, metric}
}

// atMost requires that a is at most bound times the sum of the others.
func (k *book) atMost(goal string, bound float64, a term, others ...term) {
	v := goalResult{Goal: goal, Bound: bound, Unit: ratio, Measured: true}
	top, ok := k.value(a)
	v.Measured = ok
	var sum float64
	for _, t := range others {
		x, ok := k.value(t)
		v.Measured = v.Measured && ok
		sum += x
	}
	if v.Measured = v.Measured && sum > 0; v.Measured {
		v.Value = top / sum
		v.Pass = v.Value <= bound
	}
	k.Goals = append(k.Goals, v)
}

func (k *book) atMostAbsolute(goal string, bound float64, unit string, a term) {
	x, ok := k.value(a)
	k.Goals = append(k.Goals, goalResult{Goal: goal, Bound: bound, Unit: unit, Value: x, Measured: ok, Pass: ok && x <= bound})
}

func (k *book) atLeastAbsolute(goal string, bound float64, unit string, a term) {
	x, ok := k.value(a)
	k.Goals = append(k.Goals, goalResult{Goal: goal, Bound: bound, Unit: unit, Value: x, Measured: ok, Pass: ok && x >= bound, atLeast: true})
}

func (k *book) value(t term) (float64, bool) { return k.get(t.row, t.kase, t.system, t.metric) }

// status returns the printed form of a result.
func (v goalResult) status() string {
	switch {
	case !v.Measured:
		return "not measured"
	case v.Pass:
		return "pass"
	}
	return "MISS"
}

// bound returns the printed form of a bound.
func (v goalResult) bound() string {
	if v.atLeast {
		return "at least " + amount(v.Bound, v.Unit)
	}
	return "at most " + amount(v.Bound, v.Unit)
}

// amount formats a value with its unit.
func amount(v float64, unit string) string {
	s := short(v)
	switch unit {
	case count:
		return s
	case ratio, perSecond:
		return s + unit
	}
	return fmt.Sprintf("%s %s", s, unit)
}
