// Package query answers requests about many rooms at once: a page of all rooms, and which of a
// gateway's replicas are old. It reads the bucket, and changes nothing.
package query

import (
	"container/heap"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// defaultPage is the number of rooms in a page when the request names none.
const defaultPage = 100

// listReads is how many rooms of a page are read at the same time.
const listReads = 16

// Bucket is the bucket of rooms, as far as queries read it; *store.Bucket implements it.
type Bucket interface {
	Read(ctx context.Context, key string) (kv.Record, error)
	// Scan calls f with the newest record of each of keys, or of every room when keys is nil.
	// Records may be slightly old, and have no value unless values is set.
	Scan(ctx context.Context, keys []string, values bool, f func(key string, rec kv.Record) error) error
	// Ensure makes the bucket anew when it is gone.
	Ensure(ctx context.Context) error
}

// Rooms answers queries. Its methods may be called by any goroutine.
type Rooms struct{ Bucket Bucket }

// List returns the page of rooms whose keys follow the cursor, by key. One page
// costs a pass over all keys and holds no more than its own rooms. A room that
// exists throughout a listing is listed exactly once.
func (r Rooms) List(ctx context.Context, req *bus.Request) (*bus.Reply, error) {
	limit := req.Limit
	if limit < 0 || limit > bus.MaxPage {
		return nil, proto.Invalid("limit", "limit must be at most 1000.")
	}
	if limit == 0 {
		limit = defaultPage
	}
	keys, err := r.keysAfter(ctx, req.After, limit+1)
	if err != nil {
		return nil, err
	}
	reply := new(bus.Reply)
	if len(keys) > limit {
		keys = keys[:limit]
		reply.Next = keys[limit-1]
	}
	rows, err := r.rows(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row != nil {
			reply.Page = append(reply.Page, *row)
		}
	}
	return reply, nil
}

// keysAfter returns the n smallest keys of rooms after the given one, in order.
func (r Rooms) keysAfter(ctx context.Context, after string, n int) ([]string, error) {
	var h largestFirst
	in := make(map[string]bool)
	err := r.Bucket.Scan(ctx, nil, false, func(key string, rec kv.Record) error {
		switch {
		case key <= after || in[key]:
			return nil
		case rec.Deleted, len(h) == n && key >= h[0]:
			return nil
		case len(h) == n:
			delete(in, heap.Pop(&h).(string))
		}
		in[key] = true
		heap.Push(&h, key)
		return nil
	})
	slices.Sort(h)
	return h, err
}

// rows reads the rooms under keys. The row of a room that has ended meanwhile
// is nil.
func (r Rooms) rows(ctx context.Context, keys []string) ([]*bus.RoomRow, error) {
	var (
		wg    sync.WaitGroup
		rows  = make([]*bus.RoomRow, len(keys))
		errs  = make([]error, len(keys))
		slots = make(chan struct{}, listReads)
	)
	for i, key := range keys {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			rows[i], errs[i] = r.row(ctx, key)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (r Rooms) row(ctx context.Context, key string) (*bus.RoomRow, error) {
	rec, err := r.Bucket.Read(ctx, key)
	if err != nil || rec.Revision == 0 || rec.Deleted {
		return nil, err
	}
	var room bus.Room
	if err := json.Unmarshal(rec.Value, &room); err != nil {
		return nil, err
	}
	return &bus.RoomRow{
		Room: room.ID, Name: room.Name, Creator: room.Creator, Members: len(room.Members),
		Capacity: room.Capacity, Locked: room.Locked, Revision: rec.Revision,
	}, nil
}

// largestFirst is a heap of keys.
type largestFirst []string

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h largestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *largestFirst) Push(x any)        { *h = append(*h, x.(string)) }
func (h *largestFirst) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
