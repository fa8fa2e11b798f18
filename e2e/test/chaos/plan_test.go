package chaos

import (
	"reflect"
	"testing"
	"time"
)

func TestPlan_SameSeed_DrawsTheSameFaults(t *testing.T) {
	a, b := plan(1, time.Hour, nil), plan(1, time.Hour, nil)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("seed 1, drawn twice: got %v and %v, want the same faults", a, b)
	}
	if reflect.DeepEqual(a, plan(2, time.Hour, nil)) {
		t.Error("seeds 1 and 2: got the same faults, want others")
	}
	kinds := make(map[string]bool)
	for _, f := range a {
		kinds[f.kind] = true
	}
	if len(kinds) != len(faultKinds) {
		t.Errorf("kinds of fault in an hour: got %d, want %d", len(kinds), len(faultKinds))
	}
}
