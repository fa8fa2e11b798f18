package names

import (
	"slices"
	"testing"

	"p2pconnector/proto/bus"
)

// Whoever asks, and how often, the directory is asked once a second, and not more often when
// it does not answer.
func TestList_ManyAsk_AsksOnceASecond(t *testing.T) {
	for name, answers := range map[string][]*bus.NameReply{
		"answered": {{Names: []string{"a", "b"}}, {Names: []string{"a", "b"}}},
		"away":     nil,
	} {
		d := &directory{answers: answers}
		x := d.client()
		for _, asked := range []int{1, 1, 2, 2} {
			if asked == 2 && len(d.asked) == 1 {
				d.now.Store(d.now.Load().Add(listedFor))
			}
			got, err := x.List()
			if answered := len(answers) > 0; len(d.asked) != asked || (err == nil) != answered || answered && !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("%s: got %q, error %v, after %d requests, want the answer after %d", name, got, err, len(d.asked), asked)
			}
		}
	}
}

func TestList_Cut_IsCounted(t *testing.T) {
	d := &directory{answers: []*bus.NameReply{{Names: []string{"a"}, More: true}}}
	x := d.client()
	var counted []Outcome
	x.cfg.Count = func(o Outcome) { counted = append(counted, o) }
	if _, err := x.List(); err != nil || !slices.Equal(counted, []Outcome{Listed, Cut}) {
		t.Errorf("got error %v and counts %q, want listed and cut", err, counted)
	}
}
