// Package loss counts the outcomes of relayed frames while something fails: pairs of
// clients use gateways, a room service and a NATS server that are processes of their
// own, one fault happens, and the tests follow every frame to its end.
//
//	go test ./e2e/test/loss                    # short rows
//	go test ./e2e/test/loss -run TestLoss_Flags -v -loss.rate=20000 -loss.duration=60s -loss.fault=kill -loss.every=5s
//	go test ./e2e/test/loss -run TestLoss_Flags -v -loss.rate=5000 -loss.duration=20s -loss.fault=freeze -loss.moved=other
//
// Each run prints one line with all counts.
//
// # What is counted
//
// A frame carries its sender, its receiver and its number. At rest, at most 30 s after
// the last fault is over and the last frame has been sent, it is delivered (the
// receiver has read it), reported (its sender has read an error with its id), both, or
// neither. It may also be delivered twice, behind a later frame of its pair
// (reordered), or reported twice; of those reported twice, the ones whose two
// errors contradict each other, and the ones that were refused with Unavailable first,
// are counted once more.
//
// The specification allows delivered or reported, and both where a server failed.
// Everything else is a violation, and so is "both" for more than one frame in a
// hundred while every gateway lives. A frame that its receiver's gateway had when it
// was killed may vanish; the receiver learns of it, because its session comes back
// with recovered false. Those frames are counted as unrecovered, not as neither.
package loss
