package metrics

import "p2pconnector/gateway/internal/topic"

// topicTable lists the metrics of topics.
var topicTable = []metric{
	{"topics", "Topics with subscribers here, of max-topics, and those that the gateway is about to leave.", gauge, nil, at(func(now *Snapshot) int { return now.Topics.Topics })},
	{"topic_subscriptions", "Subscriptions of topics by clients here.", gauge, nil, at(func(now *Snapshot) int { return now.Topics.Subscriptions })},
	{"topic_publications_total", "Publications in topics: published by clients here, or received from other gateways, once for each publication.", counter, []string{"from"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.Topics.Published), "clients")
		put(float64(now.Topics.Received), "gateways")
	}},
	{"topic_deliveries_total", "Publications queued for clients here, once for each subscriber.", counter, nil, at(func(now *Snapshot) uint64 { return now.Topics.Delivered })},
	{"topic_missed_total", "Publications that may not have reached a gateway with subscribers, because it or this gateway had no connection to NATS, or was overloaded.", counter, nil, at(func(now *Snapshot) uint64 { return now.Topics.Missed })},
	{"topic_requests_failed_total", "Requests to the room service to join or leave the room of a topic that failed; they are repeated.", counter, nil, at(func(now *Snapshot) uint64 { return now.Topics.Failed })},
	{"topics_refused_total", "Subscriptions and publications refused, by the limit; bytes are the limits on bytes a second.", counter, []string{"limit"}, func(_ *Metrics, now *Snapshot, put put) {
		for _, l := range topic.Limits() {
			put(float64(now.Topics.Refused[l]), string(l))
		}
	}},
}
