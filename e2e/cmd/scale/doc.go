// Command scale computes what a deployment of a given size sends over NATS besides the
// frames of its clients, and which part of it reaches its limit first as it grows.
//
//	go run ./e2e/cmd/scale
//	go run ./e2e/cmd/scale --gateways 20 --peers 100000 --stay 1h
//
// Sizes of messages are those of real ones, encoded by package bus; how often they are sent
// and to how many follows from the specification there. The capacities are what was measured
// on one machine: see the document about performance.
//
// The program does not look at bursts: it computes averages of a deployment in which peers
// come and go evenly. A room's members are on gateways drawn at random, unless --together
// says that a proxy brings them to one.
package main
