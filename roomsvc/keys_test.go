package roomsvc

import (
	"testing"

	"p2pconnector/proto"
)

func TestKeysRotate(t *testing.T) {
	set := new(proto.KeySet)
	now := testTime
	if !rotate(set, now) || rotate(set, now.Add(keyAge-1)) {
		t.Fatal("a fresh key must serve for its time")
	}
	for n := 2; n <= 5; n++ {
		signed := set.Keys[0].ID
		now = now.Add(keyAge)
		if !rotate(set, now) || len(set.Keys) != min(n, keyCount) || set.Keys[1].ID != signed || len(set.Keys[0].Secret) != keyBytes {
			t.Errorf("rotation %d: %+v", n, set)
		}
	}
}
