package background

import "testing"

// TestGo_AfterClose_IsRefused: Close waits for what was started, and nothing starts after it.
func TestGo_AfterClose_IsRefused(t *testing.T) {
	g, done := New(), false
	g.Go(func() {
		<-g.Ended()
		done = true
	}, func() { t.Error("before Close: got it refused, want it to run") })
	g.End()
	g.End() // the second time changes nothing
	g.Close()
	if !done {
		t.Error("got Close before the goroutine's end, want it to wait")
	}
	refused := false
	g.Go(func() { t.Error("after Close: got it to run, want it refused") }, func() { refused = true })
	if !refused {
		t.Error("after Close: got refused false, want true")
	}
}
