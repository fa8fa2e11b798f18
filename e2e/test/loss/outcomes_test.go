package loss

import (
	"testing"

	"p2pconnector/proto"
)

// step is one event of a frame; code is "" for a delivery.
type step struct {
	n    int64
	code proto.ErrorCode
}

func TestOutcomes_EachKind_IsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		want  counts
	}{
		"nothing":                        {nil, counts{neither: 2}},
		"delivered in order":             {[]step{{n: 0}, {n: 1}}, counts{delivered: 2}},
		"reordered":                      {[]step{{n: 1}, {n: 0}}, counts{delivered: 2, reordered: 1}},
		"twice":                          {[]step{{n: 0}, {n: 1}, {n: 0}}, counts{delivered: 2, twice: 1}},
		"reported":                       {[]step{{n: 0}, {1, proto.NotFound}}, counts{delivered: 1, reported: 1}},
		"both":                           {[]step{{n: 0}, {n: 1}, {1, proto.NotDelivered}}, counts{delivered: 2, reported: 1, both: 1}},
		"reported twice":                 {[]step{{n: 0}, {1, proto.NotDelivered}, {1, proto.NotDelivered}}, counts{delivered: 1, reported: 1, reportedTwice: 1}},
		"contradicting":                  {[]step{{n: 0}, {1, proto.NotDelivered}, {1, proto.NotFound}}, counts{delivered: 1, reported: 1, reportedTwice: 1, contradicting: 1}},
		"refused, then reported":         {[]step{{n: 0}, {1, proto.Unavailable}, {1, proto.NotDelivered}}, counts{delivered: 1, reported: 1, reportedTwice: 1, contradicting: 1, refusedAgain: 1}},
		"a frame that nobody sent":       {[]step{{n: 0}, {n: 1}, {n: 2}}, counts{delivered: 2, astray: 1}},
		"an error about no frame at all": {[]step{{n: 0}, {n: 1}, {2, proto.NotFound}}, counts{delivered: 2, astray: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutcomes(1, 3)
			o.pairs[0].sent.Store(2)
			for _, s := range c.steps {
				if s.code == "" {
					o.arrived(0, s.n)
				} else {
					o.reported(0, s.n, s.code)
				}
			}
			got := o.count()
			got.codes, c.want.sent = "", 2
			if got != c.want {
				t.Errorf("got %v, want %v", &got, &c.want)
			}
		})
	}
}

func TestOutcomes_ReceiverUnrecovered_ExcusesOnlyFramesBeforeTheKill(t *testing.T) {
	o := newOutcomes(1, 3)
	o.pairs[0].sent.Store(2)
	o.arrived(0, 0)
	o.gatewayKilled()
	o.pairs[0].sent.Store(3)
	o.excuse(0)
	got := o.count()
	if got.delivered != 1 || got.unrecovered != 1 || got.neither != 1 {
		t.Errorf("got %v, want one delivered, one unrecovered, one neither", &got)
	}
	if n := o.accounted.Load(); n != 2 {
		t.Errorf("settled: got %d, want 2", n)
	}
}

func TestMark_Appended_IsFound(t *testing.T) {
	frame := append(appendMark([]byte(`{"id":"`), 77, 0xabcdef), `"}`...)
	from, to, n, ok := findMark(frame)
	if !ok || from != 154 || to != 155 || n != 0xabcdef {
		t.Errorf("got %d, %d, %d, %v, want 154, 155, %d, true", from, to, n, ok, 0xabcdef)
	}
	for _, b := range []string{"", "{}", mark, mark + "12", mark + "000000000000000x"} {
		if _, _, _, ok := findMark([]byte(b)); ok {
			t.Errorf("a mark is found in %q", b)
		}
	}
}
