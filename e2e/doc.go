// Package e2e holds no code; the folders below it run the services together:
//
//	standalone    the whole system in one process, for trying it out
//	examples      pages and programs that run against the standalone with one command
//	cmd/p2p       a peer on the command line
//	cmd/bench     measures a system under load
//	cmd/abuse     measures what hostile clients cost
//	cmd/natsnode  one NATS server as a process that tests can kill
//	cmd/scale     computes what many gateways send each other, and what breaks first
//	monitoring    Prometheus's configuration and Grafana's dashboard, which docker-compose.yml mounts
//	test          the tests of the system from outside, a folder for each subject
//	kit           starts a system for a test in one line
//
// What these share: natsbox (NATS servers in this process), single (all services in this
// process), selfsigned (a TLS certificate).
//
// The standalone stands beside cmd and not in it, because its path is the command that
// readers type first.
package e2e
