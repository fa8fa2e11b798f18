package directory

import (
	"context"
	"errors"
	"sync"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Bounds of the syncs, which have a queue of their own: each is a pass over up to 512 keys.
const (
	maxSyncCalls   = 4
	maxSyncWaiting = 256
	maxSyncReads   = 16 // of one sync, at the same time: keys that the pass may have missed

	// syncTimeout bounds one pass over the keys of a sync. A sync tries again when the
	// server that it reads from has died.
	syncTimeout = 2 * kv.CallTimeout
)

// sync lists those sessions that the requester does not own. The entries must be the latest,
// because the requester asks once and acts on the answer.
func (d *Sessions) sync(ctx context.Context, r *SessionRequest, _ bool) (*bus.SessionReply, error) {
	reply := new(bus.SessionReply)
	if len(r.Body.Sessions) == 0 {
		return reply, nil
	}
	keys := make([]string, len(r.Body.Sessions))
	for i, o := range r.Body.Sessions {
		key, err := bus.SessionKey(o.Peer)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	entries, err := d.readAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, o := range r.Body.Sessions {
		if e := &entries[i]; !owns(e, o.Peer, r.Body.Owner, o.Epoch) {
			reply.Sessions = append(reply.Sessions, bus.SessionRow{Peer: o.Peer, SessionEntry: e.value, Revision: shownRevision(e)})
		}
	}
	return reply, nil
}

// readAll returns the entries of keys, each the latest at some moment since the request came.
// It reads them in one pass, and then one by one those that the pass may have missed.
func (d *Sessions) readAll(ctx context.Context, keys []string) ([]sessionEntry, error) {
	wait, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	found, complete, err := d.batch.ReadLatest(wait, keys)
	if err != nil {
		return nil, err
	}
	var (
		entries = make([]sessionEntry, len(keys))
		errs    = make([]error, len(keys))
		slots   = make(chan struct{}, maxSyncReads)
		wg      sync.WaitGroup
	)
	for i, key := range keys {
		rec, ok := found[key]
		if ok || complete {
			entries[i], errs[i] = d.decode(key, rec)
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			entries[i], errs[i] = d.readLatest(ctx, key)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// readLatest reads an entry and confirms that it was the latest at some moment since the
// request came.
func (d *Sessions) readLatest(ctx context.Context, key string) (sessionEntry, error) {
	for {
		e, err := d.read(ctx, key)
		if err == nil {
			err = d.confirm(ctx, key, &e)
		}
		if !errors.Is(err, kv.ErrConflict) || ctx.Err() != nil {
			return e, err
		}
		d.counts.Conflicts.Add(1) // it has just been written
	}
}
