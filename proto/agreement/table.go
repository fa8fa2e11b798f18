package agreement

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	// maxInstances bounds the instances whose settings are compared. Leases of further ones
	// are counted as ignored.
	maxInstances = 4096 + 256 // gateways, and room services
	// maxMissed is the number of leases that may be missing before the settings of an
	// instance no longer count. It is above the 6 s after which a NATS server that hangs is
	// noticed, so that an instance that is cut off goes on with what it knows.
	maxMissed = int(2 * bus.LeaseTimeout / bus.LeaseInterval)
	// maxNotes bounds the lines of Notes.
	maxNotes = 20
)

// Table knows the settings of the other instances. Its methods may be called by any
// goroutine.
type Table struct {
	self    string
	own     bus.SharedSettings
	log     *slog.Logger
	applied atomic.Pointer[bus.SharedSettings]
	ignored atomic.Uint64

	mu   sync.Mutex
	rows map[string]*row // by the name of the instance
}

// row is what is known of another instance.
type row struct {
	settings bus.SharedSettings
	missed   int // leases since the last one
}

// Gateway returns the name of a gateway in a Table.
func Gateway(id proto.GatewayID) string { return "gateway " + string(id) }

// RoomService returns the name of an instance of the room service in a Table.
func RoomService(instance string) string { return "room service " + instance }

// New returns a Table of the instance self, whose settings are own, that knows no other
// instance yet.
func New(self string, own bus.SharedSettings, log *slog.Logger) *Table {
	t := &Table{self: self, own: own, log: log, rows: make(map[string]*row)}
	t.applied.Store(&own)
	return t
}

// Own returns the settings of this instance.
func (t *Table) Own() *bus.SharedSettings { return &t.own }

// Applied returns the settings that apply: the strictest of all instances. It takes no lock.
func (t *Table) Applied() bus.SharedSettings { return *t.applied.Load() }

// Ignored returns the number of leases that were ignored because the table was full.
func (t *Table) Ignored() uint64 { return t.ignored.Load() }

// Receive handles a lease of a gateway or the settings of a room service, by the subject.
// It ignores this instance's own, and leases without settings.
func (t *Table) Receive(subject string, data []byte) {
	if subject == bus.RoomsSettingsSubject {
		var x bus.RoomsSettings
		if json.Unmarshal(data, &x) == nil && bus.ValidInstance(x.Instance) {
			t.renew(RoomService(x.Instance), &x.Settings, x.Ended)
		}
		return
	}
	var x bus.Lease
	if g, ok := bus.ParseLease(subject); ok && json.Unmarshal(data, &x) == nil && (x.Settings != nil || x.Ended) {
		t.renew(Gateway(g), x.Settings, x.Ended)
	}
}

// renew records the settings of an instance, or forgets the instance when it has ended.
func (t *Table) renew(name string, s *bus.SharedSettings, ended bool) {
	if name == t.self {
		return
	}
	var was, is bus.SharedSettings
	t.mu.Lock()
	old := t.rows[name]
	if old != nil {
		was = old.settings
	}
	switch {
	case ended && old != nil:
		delete(t.rows, name)
		t.strictestLocked()
	case ended:
	case old == nil && len(t.rows) >= maxInstances:
		t.ignored.Add(1)
	case old == nil:
		is = *s
		t.rows[name] = &row{settings: is}
		applied := t.Applied().Stricter(is)
		t.applied.Store(&applied)
	default:
		is = *s
		old.settings, old.missed = is, 0
		if is != was {
			t.strictestLocked()
		}
	}
	t.mu.Unlock()
	t.report(name, was, is)
}

// Tick must be called every bus.LeaseInterval. listening reports whether leases could
// reach this instance: time in which they could not does not count against the others.
func (t *Table) Tick(listening bool) {
	if !listening {
		return
	}
	gone := make(map[string]bus.SharedSettings)
	t.mu.Lock()
	for name, r := range t.rows {
		if r.missed++; r.missed > maxMissed {
			delete(t.rows, name)
			gone[name] = r.settings
		}
	}
	if len(gone) > 0 {
		t.strictestLocked()
	}
	t.mu.Unlock()
	for name, was := range gone {
		t.report(name, was, bus.SharedSettings{})
	}
}

// strictestLocked computes anew which settings apply.
func (t *Table) strictestLocked() {
	s := t.own
	for _, r := range t.rows {
		s = s.Stricter(r.settings)
	}
	t.applied.Store(&s)
}

// report logs which settings of an instance began or ceased to differ from this instance's.
func (t *Table) report(name string, was, is bus.SharedSettings) {
	if was == is {
		return
	}
	before, now, applied := was.Values(), is.Values(), t.Applied().Values()
	for i, own := range t.own.Values() {
		switch {
		case differ(own, now[i]) && before[i] != now[i]:
			t.log.Warn("settings disagree; the stricter one applies until they are the same",
				"instance", name, "setting", bus.SharedSettingNames[i], "own", text(i, own), "theirs", text(i, now[i]), "applies", text(i, applied[i]))
		case differ(own, before[i]) && !differ(own, now[i]):
			t.log.Info("settings no longer disagree", "instance", name, "setting", bus.SharedSettingNames[i], "own", text(i, own), "applies", text(i, applied[i]))
		}
	}
}

// Disagree returns, for each setting, how many instances have a value other than ours.
func (t *Table) Disagree() map[string]int {
	counts := make(map[string]int, len(bus.SharedSettingNames))
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.own.Values()
	for i, name := range bus.SharedSettingNames {
		counts[name] = 0
		for _, r := range t.rows {
			if differ(own[i], r.settings.Values()[i]) {
				counts[name]++
			}
		}
	}
	return counts
}

// Notes describes the disagreements, one a line, for /readyz?verbose. It returns no more
// than 20 lines and one that counts the rest.
func (t *Table) Notes() (notes []string) {
	applied := t.Applied().Values()
	t.mu.Lock()
	defer t.mu.Unlock()
	own, more := t.own.Values(), 0
	for _, name := range slices.Sorted(maps.Keys(t.rows)) {
		theirs := t.rows[name].settings.Values()
		for i, setting := range bus.SharedSettingNames {
			switch {
			case !differ(own[i], theirs[i]):
			case len(notes) == maxNotes:
				more++
			default:
				notes = append(notes, fmt.Sprintf("settings disagree: %s is %s here and %s at %s; %s applies",
					setting, text(i, own[i]), text(i, theirs[i]), name, text(i, applied[i])))
			}
		}
	}
	if more > 0 {
		notes = append(notes, fmt.Sprintf("settings disagree: %d more", more))
	}
	return notes
}

// differ reports whether two instances have different values of a setting. Instances that
// do not have the setting agree with all others.
func differ(own, theirs int64) bool { return own > 0 && theirs > 0 && own != theirs }

// text returns the value of setting i as an operator writes it.
func text(i int, value int64) string {
	if i == 0 {
		return (time.Duration(value) * time.Millisecond).String()
	}
	return fmt.Sprint(value)
}
