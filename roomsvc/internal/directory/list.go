package directory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Bounds of the lists of names, which have a queue of their own.
const (
	maxListCalls   = 2
	maxListWaiting = 256
)

// Scan calls f with the key and the record, without its value, of every entry that keys
// stands for, until f returns an error. A key that is written meanwhile may come twice, or
// not at all.
type Scan func(ctx context.Context, keys string, f func(key string, rec kv.Record) error) error

// errEnough ends the scan for a list that is full.
var errEnough = errors.New("no more names fit")

// list answers with names of a namespace that somebody has. It reads no further than it must,
// so that its cost is bounded; a name that is claimed or given back meanwhile may be in the
// list or not.
func (d *Names) list(ctx context.Context, r *NameRequest, _ bool) (*bus.NameReply, error) {
	keys, ok := bus.NamespaceKeys(r.Body.Namespace)
	if !ok {
		return nil, errors.New("no namespace") // checkName has refused it
	}
	taken, reply := make(map[string]bool), new(bus.NameReply)
	err := d.scan(ctx, keys, func(key string, rec kv.Record) error {
		_, name, ok := bus.ParseNameKey(key)
		switch {
		case !ok, rec.Deleted:
			delete(taken, name)
		case len(taken) >= bus.MaxNameList && !taken[name]:
			reply.More = true
			return errEnough
		default:
			taken[name] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	reply.Names = slices.Sorted(maps.Keys(taken))
	return reply, nil
}
