// Package natsbus is the gateway's side of the message bus: which gateways are alive,
// room requests, and questions to the session directory. It is the only package of the gateway that knows NATS.
package natsbus
