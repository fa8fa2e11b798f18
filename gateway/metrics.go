package gateway

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// This file alone knows Prometheus. No label names a peer or a room: their
// number has no bound, and who they are is nobody's business here.

// metricPrefix begins the name of every metric of a gateway.
const metricPrefix = "p2p_gateway_"

// latencyBuckets are the upper bounds of the latency histograms, in seconds.
var latencyBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

// latencies are the histograms that the relay path adds to. Safe for concurrent use.
type latencies struct {
	here, nats prometheus.Histogram
}

func newLatencies() latencies {
	make := func(path string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:        metricPrefix + "relay_seconds",
			Help:        "Time from a frame's arrival at its sender's gateway until it was queued for its receiver's connection, of one frame in 64; over NATS as far as the hosts' clocks agree.",
			ConstLabels: prometheus.Labels{"path": path}, Buckets: latencyBuckets,
		})
	}
	return latencies{here: make("here"), nats: make("nats")}
}

// put adds one sample of a family, with the values of its labels.
type put func(value float64, labels ...string)

// family is one metric: read calls put for each of its samples.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(g *Gateway, now *snapshot, put put)
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// collector reads everything when it is asked.
type collector struct {
	g     *Gateway
	descs []*prometheus.Desc
}

func newCollector(g *Gateway) *collector {
	c := &collector{g: g}
	for _, f := range families {
		c.descs = append(c.descs, prometheus.NewDesc(metricPrefix+f.name, f.help, f.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
	c.g.stats.relayTime.here.Describe(ch)
	c.g.stats.relayTime.nats.Describe(ch)
}

// hungLoops is the family that is read without a lock.
const hungLoops = "hung_loops"

// Collect implements prometheus.Collector. While a loop hangs it reads what needs no
// lock: a scrape that waits for the lock that the loop waits for would show nothing.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	var now *snapshot
	hangs := len(c.g.watchdog.hung()) > 0
	if !hangs {
		now = c.g.snapshot()
	}
	for i, f := range families {
		if hangs && f.name != hungLoops {
			continue
		}
		f.read(c.g, now, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value, labels...)
		})
	}
	c.g.stats.relayTime.here.Collect(ch)
	c.g.stats.relayTime.nats.Collect(ch)
}

// metricsHandler serves this gateway's metrics and those of the Go runtime.
func (g *Gateway) metricsHandler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(g), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
