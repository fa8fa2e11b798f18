package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Only this file imports Prometheus.

// prefix is the prefix of the name of every metric of a room service.
const prefix = "p2p_roomsvc_"

// latencyBuckets are the upper bounds of the latency histograms, in seconds.
var latencyBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// latencies are the histograms of requests, commits and bucket calls. Safe for concurrent
// use.
type latencies struct {
	requests   *prometheus.HistogramVec
	byEndpoint map[string]prometheus.Observer // fixed
	batch      prometheus.Histogram
	bucket     prometheus.Histogram
}

func newLatencies(endpoints map[string]answers) latencies {
	l := latencies{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "request_seconds", Help: "Time from a request's arrival to its answer, by endpoint.", Buckets: latencyBuckets,
		}, []string{"endpoint"}),
		byEndpoint: make(map[string]prometheus.Observer),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "commit_batch_size", Help: "Operations that one write to the bucket answered.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		bucket: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "bucket_call_seconds", Help: "Time of one call to the bucket: a read, a write, or the confirmation that a state is the latest.", Buckets: latencyBuckets,
		}),
	}
	for endpoint := range endpoints {
		l.byEndpoint[endpoint] = l.requests.WithLabelValues(endpoint)
	}
	return l
}

func (l *latencies) answered(endpoint string, took time.Duration) {
	l.byEndpoint[endpoint].Observe(took.Seconds())
}

// CommittedBatch counts a write that answered so many operations.
func (m *Metrics) CommittedBatch(operations int) {
	m.Rooms.Commits.Add(1)
	m.Rooms.Committed.Add(uint64(operations))
	m.latencies.batch.Observe(float64(operations))
}

// BucketCall counts a call to a bucket that began at the given time and has just ended.
func (m *Metrics) BucketCall(began time.Time) {
	m.latencies.bucket.Observe(time.Since(began).Seconds())
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

// collector reads every metric when Prometheus scrapes.
type collector struct {
	m        *Metrics
	snapshot func() *Snapshot
	descs    []*prometheus.Desc // of table
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	now := c.snapshot()
	for i, row := range table {
		row.read(c.m, now, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(c.descs[i], row.kind, value, labels...)
		})
	}
}

// Handler returns a handler that serves m, what snapshot returns, and the metrics of the Go
// runtime. snapshot may be called by several goroutines at the same time.
func Handler(m *Metrics, snapshot func() *Snapshot) http.Handler {
	c := &collector{m: m, snapshot: snapshot}
	for _, row := range table {
		c.descs = append(c.descs, prometheus.NewDesc(prefix+row.name, row.help, row.labels, nil))
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c, m.latencies.requests, m.latencies.batch, m.latencies.bucket,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
