package topics_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

// TestPublish_ManyAtOnce_ReachASubscriberThatReads: the queue of its connection does not fill
// before the writers of the gateway get their turn.
func TestPublish_ManyAtOnce_ReachASubscriberThatReads(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for at := range 2 {
		ann, ben := dial(t, s, 0, "ann"), dial(t, s, at, "ben")
		topic := fmt.Sprint("doc", at)
		ben.subscribe(topic)
		const n = 900
		pad := strings.Repeat("x", 3000)
		data := func(i int) string { return fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad) }
		for i := range n {
			ann.publish(topic, data(i))
		}
		for i := range n {
			if got, ok := ben.next(); got != published(topic, data(i)) {
				t.Errorf("gateway %d: publication %d: got %d bytes (open %v, %v), want it", at, i, len(got), ok, ben.end)
				break
			}
		}
	}
}
