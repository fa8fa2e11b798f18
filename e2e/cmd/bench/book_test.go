package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
)

func TestFigure_Samples_HaveMedianAndSpread(t *testing.T) {
	for _, c := range []struct {
		values         []float64
		median, spread float64
	}{
		{[]float64{3}, 3, 0},
		{[]float64{9, 1, 5}, 5, 1.6},
		{[]float64{4, 2}, 3, 2. / 3},
		{[]float64{0, 0, 0}, 0, 0},
	} {
		if m, s := stats.Median(c.values), stats.Spread(c.values); m != c.median || math.Abs(s-c.spread) > 1e-9 {
			t.Errorf("%v: got median %v and spread %v, want %v and %v", c.values, m, s, c.median, c.spread)
		}
	}
	if !math.IsNaN(stats.Median(nil)) || stats.Spread(nil) != 0 {
		t.Error("no values: got a median, want none")
	}
}

// fullBook returns a book with every figure that a goal uses; ours are factor
// times the others.
func fullBook(factor float64) *book {
	k := newBook(3)
	for _, r := range rows {
		k.begin(r.name, r.title)
	}
	for _, size := range relaySizes {
		for _, rate := range relayRates {
			for _, metric := range []string{"cpu", "p50", "p99"} {
				kase := relayCase(size, rate)
				k.add("relay", kase, echoFloor, metric, microsec, 10)
				k.add("relay", kase, natsFloor, metric, microsec, 10)
				k.add("relay", kase, peerServer, metric, microsec, 10)
				k.add("relay", kase, ours, metric, microsec, 10*factor)
			}
		}
	}
	k.add("fanout", relayCase(smallBytes, fullRate), echoFloor, "cpu", microsec, 10)
	k.add("fanout", fanoutCompared, ours, "cpu", microsec, 10*factor)
	k.add("fanout", fanoutCompared, ours, "p50", microsec, 10)
	k.add("fanout", fanoutCompared, ours, "last p50", microsec, 10*factor)
	for _, mode := range stormModes {
		for _, metric := range []string{"cpu per join", "sent per peer"} {
			k.add("storm", stormCase(100, mode.name), ours, metric, microsec, 1)
			k.add("storm", stormCase(1000, mode.name), ours, metric, microsec, 20*factor)
		}
		k.add("storm", stormCase(1000, mode.name), ours, "all know all", "ms", 500*factor)
		k.add("storm", stormCase(1000, mode.name), ours, "KV writes", count, 100*factor)
	}
	k.add("idle", idleCase(10_000), ours, "RSS each", kilobytes, 10*factor)
	for n, cpu := range map[int]float64{1: 10, 2: 10, 4: 10 * factor} {
		k.add("scaling", scalingCase(n), ours, "cpu", microsec, cpu)
	}
	k.add("peerjs", scalingCase(1), ours, "cpu", microsec, 10*factor)
	k.add("peerjs", scalingCase(1), peerServer, "cpu", microsec, 10)
	k.add("tracker", scalingCase(1), npmTracker, "cpu", microsec, 10)
	k.add("tracker", scalingCase(1), ours, "cpu", microsec, 10*factor)
	k.addCrowd(factor)
	k.add("rooms", roomLayouts[0].kase, ours, "joins", perSecond, 1000/factor)
	return k
}

// addCrowd adds what clients miss: with a factor below 1, nothing.
func (k *book) addCrowd(factor float64) {
	missed := math.Floor(factor)
	add := func(row, kase, metric string, value float64) { k.add(row, kase, ours, metric, count, value) }
	add("jitter", jitterCase(100), "delivered", 100-missed)
	add("jitter", jitterCase(100), "p99", 2400*factor)
	for _, metric := range []string{"twice", "leave notices"} {
		add("jitter", jitterCase(100), metric, missed)
	}
	for _, mode := range deployModes {
		kase := deployCase(100, mode.name)
		for _, metric := range []string{"sessions lost", "leave notices"} {
			add("deploy", kase, metric, missed)
		}
		for _, metric := range []string{"away p95", "late p95"} {
			add("deploy", kase, metric, factor)
		}
	}
}

func TestCheckGoals_EachValue_PassesOrMisses(t *testing.T) {
	for factor, pass := range map[float64]bool{0.1: true, 10: false} {
		k := fullBook(factor)
		k.checkGoals()
		if len(k.Goals) == 0 {
			t.Fatal("got no goals, want some")
		}
		for _, v := range k.Goals {
			if !v.Measured || v.Pass != pass {
				t.Errorf("ours is %v times the others: got %+v, want Pass %v", factor, v, pass)
			}
		}
	}
	k := newBook(3)
	k.checkGoals()
	for _, v := range k.Goals {
		if v.Measured || v.Pass || v.status() != "not measured" {
			t.Errorf("nothing was measured: got %+v, want no result", v)
		}
	}
}

func TestCheckGoals_SeveralFloors_AreAddedUp(t *testing.T) {
	k := fullBook(0.5)
	k.checkGoals()
	if v := k.Goals[0]; v.Value != 0.25 || !strings.Contains(v.Goal, "echo + NATS") {
		t.Errorf("5 µs against 10 and 10: got %+v, want the value 0.25", v)
	}
}

func TestNoise_MachineDisturbed_IsReported(t *testing.T) {
	k := newBook(3)
	k.disturbed(time.Second, time.Duration(k.CPUs)*10*time.Millisecond)
	if text, noisy := k.noise(); noisy {
		t.Errorf("1 %%: got %q, want no noise", text)
	}
	for range 3 {
		k.disturbed(time.Second, time.Duration(k.CPUs)*500*time.Millisecond)
	}
	if text, noisy := k.noise(); !noisy || !strings.Contains(text, "50 %") {
		t.Errorf("50 %%: got %q, want noise", text)
	}
}

func TestTable_Figures_ArePrintedByCase(t *testing.T) {
	k := fullBook(0.1)
	k.add("relay", relayCase(smallBytes, fullRate), ours, "cpu", microsec, 3)
	k.note("relay", "a note")
	k.note("relay", "a note")
	k.fail("idle", errors.New("too few files"))
	k.checkGoals()
	var out bytes.Buffer
	if err := k.write(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"relay: relay between", "300 B, full speed", "2 ±50%!", "FAILED: too few files", "pass", "at most 0.60x"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the table:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "a note"); n != 1 {
		t.Errorf("a note: got it %d times, want it once", n)
	}
}

func TestShort_EachValue_IsRounded(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.123: "0.12", 1: "1", 9.87: "9.87", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", 1e6: "1,000,000", math.NaN(): "-"} {
		if got := short(v); got != want {
			t.Errorf("%v is printed as %q, want %q", v, got, want)
		}
	}
}

func TestReport_AllRows_AreInIt(t *testing.T) {
	k := fullBook(0.1)
	var h stats.Hist
	for i := range 100 {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	k.latencies("relay", relayCase(smallBytes, slowRate), ours, &h)
	k.latencies("relay", relayCase(smallBytes, slowRate), ours, &h)
	k.note("relay", "<b>not bold</b>")
	k.checkGoals()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := k.writeHTML(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{"<svg", "join storm: all know all", "gateways: CPU", ">300 B, 1,000/s</text>", "&lt;b&gt;not bold"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the report", want)
		}
	}
	for _, never := range []string{"NaN", "Inf", "<b>", "http"} {
		if strings.Contains(text, never) {
			t.Errorf("got %q in the report, want it absent", never)
		}
	}
	if _, err := json.Marshal(k); err != nil {
		t.Errorf("the book as JSON: %v", err)
	}
}
