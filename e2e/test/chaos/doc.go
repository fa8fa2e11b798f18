// Package chaos tests the system under faults: three NATS servers, three gateways and three
// room services, each a process of its own, are killed, frozen, cut off and slowed down,
// while clients change rooms and send each other numbered frames.
//
//	go test ./e2e/test/chaos                                          # 90 s of faults, of seed 1
//	go test ./e2e/test/chaos -run TestChaos -chaos.seed=0             # of a seed that is drawn
//	go test ./e2e/test/chaos -run TestChaos -chaos.duration=30m -chaos.seed=7 -timeout=40m
//
// The faults, their order and their times are drawn from the seed, which each run prints.
// The scheduling of the machine is not, so a violation may need several runs of its seed to
// come back.
//
// # What is checked
//
// Per room, the history of Create, Join, Leave, End, Remove and Info must be
// linearizable. An operation answered by Unavailable, or whose connection broke,
// may take effect at any later time or never. A peer whose connection broke may
// be removed at any time after that, unless its session was resumed with the
// room. Frames that show a room at one revision must all show the same.
//
// Per session and per name, the history of requests to the room service's directories must be
// linearizable too; these tests ask the room services themselves.
//
// Relays: no frame twice, none out of order, and each one delivered, or answered by an
// error, or explained by a break of the sender's connection, or by a break of the
// receiver's whose resumption did not report recovered.
//
// Pairs of PeerJS clients call each other under the same faults: each call is answered, or one
// side gets EXPIRE, or one of the two connections broke; no call arrives twice.
//
// In the end the members of every room are the peers that are connected and joined. When
// these have left, nothing of them is left in the bucket, in the NATS servers'
// subscriptions, or among the goroutines of the test.
package chaos
