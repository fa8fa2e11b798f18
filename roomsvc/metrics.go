package roomsvc

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"p2pconnector/proto/bus"
)

// This file alone knows Prometheus. No label names a peer or a room, because
// their number has no bound.

// metricPrefix begins the name of every metric of a room service.
const metricPrefix = "p2p_roomsvc_"

// latencyBuckets are the upper bounds of the latency histograms, in seconds.
var latencyBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// histograms holds the histograms of requests, commits and bucket calls. Safe
// for concurrent use.
type histograms struct {
	requests *prometheus.HistogramVec
	byOp     map[string]prometheus.Observer // by endpoint; fixed
	batch    prometheus.Histogram
	bucket   prometheus.Histogram
}

func newHistograms() *histograms {
	h := &histograms{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: metricPrefix + "request_seconds", Help: "Time from a request's arrival to its answer, by endpoint.", Buckets: latencyBuckets,
		}, []string{"endpoint"}),
		byOp: make(map[string]prometheus.Observer),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: metricPrefix + "commit_batch_size", Help: "Operations that one write to the bucket answered.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		bucket: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: metricPrefix + "bucket_call_seconds", Help: "Time of one call to the bucket: a read, a write, or the proof that a state is the latest.", Buckets: latencyBuckets,
		}),
	}
	for _, op := range bus.Operations {
		h.byOp[string(op)] = h.requests.WithLabelValues(string(op))
	}
	for _, op := range bus.SessionOperations {
		h.byOp[op.Endpoint()] = h.requests.WithLabelValues(op.Endpoint())
	}
	for _, op := range bus.NameOperations {
		h.byOp[op.Endpoint()] = h.requests.WithLabelValues(op.Endpoint())
	}
	return h
}

func (h *histograms) answered(endpoint string, took time.Duration) {
	if o := h.byOp[endpoint]; o != nil {
		o.Observe(took.Seconds())
	}
}

func (h *histograms) committed(operations int)      { h.batch.Observe(float64(operations)) }
func (h *histograms) bucketCall(took time.Duration) { h.bucket.Observe(took.Seconds()) }

// put adds one sample of a metric, with the values of its labels.
type put func(value float64, labels ...string)

// family is one metric: read calls put for each of its samples.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(s *Service, put put)
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// collector reads every metric when Prometheus asks for them.
type collector struct {
	s     *Service
	descs []*prometheus.Desc
}

func newCollector(s *Service) *collector {
	c := &collector{s: s}
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
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for i, f := range families {
		f.read(c.s, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value, labels...)
		})
	}
}

// metricsHandler returns a handler that serves this instance's metrics and
// those of the Go runtime.
func (s *Service) metricsHandler() http.Handler {
	h := s.stats.times
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(s), h.requests, h.batch, h.bucket,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
