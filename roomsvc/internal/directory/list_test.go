package directory

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// scanOf returns a scan that finds keys; those with a leading - are deleted.
func scanOf(t *testing.T, names ...string) Scan {
	return func(_ context.Context, keys string, f func(string, kv.Record) error) error {
		if keys != "n.*" {
			t.Errorf("got a scan of %s, want n.*", keys)
		}
		for _, name := range names {
			deleted := name[0] == '-'
			if deleted {
				name = name[1:]
			}
			key, _ := bus.NameKey("n", name)
			if err := f(key, kv.Record{Revision: 1, Deleted: deleted}); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestList_NamesAndDeletedOnes_ShowsThoseThatAreTaken(t *testing.T) {
	d := newNames(t, kvtest.NewFake())
	d.scan = scanOf(t, "b.*>", "a", "-c", "gone", "-gone", "a")
	r := d.ask(bus.NameList, bus.NameRequest{})
	if want := []string{"a", "b.*>"}; !slices.Equal(r.Names, want) || r.More || r.Error != nil {
		t.Errorf("got %q, more %v, error %v, want %q", r.Names, r.More, r.Error, want)
	}
}

func TestList_TooManyNames_IsCutAndSaysSo(t *testing.T) {
	d := newNames(t, kvtest.NewFake())
	var all []string
	for n := range bus.MaxNameList {
		all = append(all, fmt.Sprint("x", n))
	}
	for _, more := range []bool{false, true} {
		if more {
			all = append(all, "y")
		}
		d.scan = scanOf(t, all...)
		if r := d.ask(bus.NameList, bus.NameRequest{}); len(r.Names) != bus.MaxNameList || r.More != more {
			t.Errorf("%d names: got %d, more %v, want %d, more %v", len(all), len(r.Names), r.More, bus.MaxNameList, more)
		}
	}
}
