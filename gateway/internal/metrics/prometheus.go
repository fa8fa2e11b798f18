package metrics

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Only this file imports Prometheus.

// prefix is the prefix of the name of every metric of a gateway.
const prefix = "p2p_gateway_"

// latencyBuckets are the upper bounds of the latency histograms, in seconds.
var latencyBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// latencies are the histograms that the relay path observes. Safe for concurrent use.
type latencies struct {
	here, nats prometheus.Histogram
}

func newLatencies() latencies {
	make := func(path string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:        prefix + "relay_seconds",
			Help:        "Time from a frame's arrival at its sender's gateway until it was queued for its receiver's connection, of one frame in 64; over NATS as far as the hosts' clocks agree.",
			ConstLabels: prometheus.Labels{"path": path}, Buckets: latencyBuckets,
		})
	}
	return latencies{here: make("here"), nats: make("nats")}
}

// put adds one sample of a metric, with the values of its labels.
type put func(value float64, labels ...string)

// metric is one row of the table: read calls put for each of its samples.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(m *Metrics, now *Snapshot, put put)
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// Config provides what a scrape reads besides the counters. Its functions may be called
// concurrently.
type Config struct {
	// Version and Commit are of the build.
	Version, Commit string
	// Snapshot reads the present state of the gateway. It may wait for locks.
	Snapshot func() *Snapshot
	// Loops returns, for each loop that the gateway depends on, whether it hangs. It takes no
	// lock.
	Loops func() map[string]bool
}

// rows lists all metrics that are read from the counters and a snapshot.
var rows = slices.Concat(table, dialectTable, topicTable)

// collector reads all values when Prometheus scrapes.
type collector struct {
	cfg   Config
	m     *Metrics
	descs []*prometheus.Desc // of rows
	build *prometheus.Desc
	loops *prometheus.Desc
}

func newCollector(m *Metrics, cfg Config) *collector {
	c := &collector{
		cfg: cfg, m: m,
		build: prometheus.NewDesc(prefix+"build_info", "The build: always 1.", []string{"version", "commit"}, nil),
		loops: prometheus.NewDesc(prefix+"hung_loops", hungLoopsHelp, []string{"loop"}, nil),
	}
	for _, row := range rows {
		c.descs = append(c.descs, prometheus.NewDesc(prefix+row.name, row.help, row.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.build
	ch <- c.loops
	for _, d := range c.descs {
		ch <- d
	}
	c.m.Relays.took.here.Describe(ch)
	c.m.Relays.took.nats.Describe(ch)
}

// Collect implements prometheus.Collector. While a loop hangs it reads only what needs no
// lock: a scrape that waits for the same lock as the loop would show nothing.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	hangs := false
	for name, hung := range c.cfg.Loops() {
		hangs = hangs || hung
		ch <- prometheus.MustNewConstMetric(c.loops, gauge, flag01(hung), name)
	}
	if !hangs {
		ch <- prometheus.MustNewConstMetric(c.build, gauge, 1, c.cfg.Version, c.cfg.Commit)
		now := c.cfg.Snapshot()
		for i, row := range rows {
			row.read(c.m, now, func(value float64, labels ...string) {
				ch <- prometheus.MustNewConstMetric(c.descs[i], row.kind, value, labels...)
			})
		}
	}
	c.m.Relays.took.here.Collect(ch)
	c.m.Relays.took.nats.Collect(ch)
}

// Handler serves m, the values of cfg, and the metrics of the Go runtime and the process.
func Handler(m *Metrics, cfg Config) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(m, cfg), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
