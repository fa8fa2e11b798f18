package quota

import (
	"net/netip"
	"sync"
)

// Config holds the limits. A limit of 0 or less is none.
type Config struct {
	Memberships           int // places in rooms, one for each room of each session
	MembershipsPerAddress int // of the sessions of one address or IPv6 /64
	MembershipsPerUser    int // of the sessions of one user
	AwayPerAddress        int // sessions of one address or IPv6 /64 whose clients are away
	AwayPerUser           int // of one user
}

// Limit names a limit that was met, after its setting.
type Limit string

// The limits.
const (
	None                  Limit = ""
	Memberships           Limit = "max_memberships"
	MembershipsPerAddress Limit = "max_memberships_per_address"
	MembershipsPerUser    Limit = "max_memberships_per_user"
	AwayPerAddress        Limit = "max_per_address"
	AwayPerUser           Limit = "max_per_user"
)

// Table counts what all sessions hold. Its zero value has no limits. Safe for concurrent
// use; no other lock is taken while its own is held.
type Table struct {
	cfg Config // fixed by New

	mu    sync.Mutex
	all   held
	addrs map[netip.Addr]held // only those that hold something
	users map[string]held     // the same
}

// held is what a session, or several of them, hold.
type held struct{ rooms, away int }

// New returns a Table in which nothing is held.
func New(cfg Config) *Table { return &Table{cfg: cfg} }

// Open returns the Holding of a new session, which holds nothing. user is "" for a client
// without a name, which no limit of users counts.
func (t *Table) Open(addr netip.Addr, user string) Holding {
	return Holding{t: t, addr: addr, user: user}
}

// Counts returns the places in rooms that are taken, and the sessions that are away.
func (t *Table) Counts() (memberships, away int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.rooms, t.all.away
}

// Holding is what one session holds. The zero value counts nothing. It must not be copied
// after its first use. Safe for concurrent use.
type Holding struct {
	t *Table // nil: nothing is counted

	// Guarded by the lock of t.
	addr    netip.Addr
	user    string
	rooms   int // of the session
	pending int // requests that may add a room and have not yet, each with a place of its own
	served  int // requests whose place the room has that they added
	away    bool
	ended   bool
}

// Begin takes a place for a request that may add a room to the session. When there is none
// it returns the limit that was met. Otherwise the caller must call done when the request
// has been answered; only the first call counts.
func (h *Holding) Begin() (done func(), met Limit) {
	if h.t == nil {
		return func() {}, None
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	if met = h.t.meets(h); met != None {
		return nil, met
	}
	h.change(1, 0)
	h.pending++
	return sync.OnceFunc(h.finish), None
}

// finish gives back the place of a request.
func (h *Holding) finish() {
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	if h.served > 0 {
		h.served--
		return
	}
	h.change(-1, 0)
	h.pending--
}

// meets returns the limit that allows h no further room. The limits of the client come
// first, because the client can do something about them.
func (t *Table) meets(h *Holding) Limit {
	switch {
	case reached(t.cfg.MembershipsPerUser, t.users[h.user].rooms) && h.user != "":
		return MembershipsPerUser
	case reached(t.cfg.MembershipsPerAddress, t.addrs[h.addr].rooms):
		return MembershipsPerAddress
	case reached(t.cfg.Memberships, t.all.rooms):
		return Memberships
	}
	return None
}

func reached(limit, n int) bool { return limit > 0 && n >= limit }

// SetRooms records how many rooms the session is in. A room that is added takes the place
// of a request, if there is one.
func (h *Holding) SetRooms(n int) {
	if h.t == nil {
		return
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	if h.ended {
		return
	}
	added := min(max(n-h.rooms, 0), h.pending) // the place of a request becomes that of its room
	h.pending -= added
	h.served += added
	h.change(n-h.rooms-added, 0)
	h.rooms = n
}

// Away records that the client's connection broke. When as many sessions of its address or
// user are away as may be, Away returns the limit and records nothing: the session should
// end. Away does nothing when the client is away already.
func (h *Holding) Away() (met Limit) {
	if h.t == nil {
		return None
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	switch {
	case h.away, h.ended:
		return None
	case reached(h.t.cfg.AwayPerUser, h.t.users[h.user].away) && h.user != "":
		return AwayPerUser
	case reached(h.t.cfg.AwayPerAddress, h.t.addrs[h.addr].away):
		return AwayPerAddress
	}
	h.change(0, 1)
	h.away = true
	return None
}

// Back records that the client is not away, or that the session waits for it at another
// gateway.
func (h *Holding) Back() {
	if h.t == nil {
		return
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	h.backLocked()
}

func (h *Holding) backLocked() {
	if h.away {
		h.change(0, -1)
		h.away = false
	}
}

// Owner returns the user and the address that h counts for.
func (h *Holding) Owner() (user string, addr netip.Addr) {
	if h.t == nil {
		return "", netip.Addr{}
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	return h.user, h.addr
}

// Move records the address from which the client has connected. What the session holds
// counts for that address, even beyond a limit.
func (h *Holding) Move(addr netip.Addr) {
	if h.t == nil {
		return
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	if h.addr == addr {
		return
	}
	n := h.rooms + h.pending
	away := 0
	if h.away {
		away = 1
	}
	h.change(-n, -away)
	h.addr = addr
	h.change(n, away)
}

// End records that the session holds nothing any more, except for requests that are not
// answered yet. What is recorded after that is not counted.
func (h *Holding) End() {
	if h.t == nil {
		return
	}
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	h.backLocked()
	h.change(-h.rooms, 0)
	h.rooms, h.ended = 0, true
}

// change adds to the counts of h. The lock is held.
func (h *Holding) change(rooms, away int) {
	t := h.t
	d := held{rooms, away}
	t.all = t.all.plus(d)
	t.addrs = add(t.addrs, h.addr, d)
	if h.user != "" {
		t.users = add(t.users, h.user, d)
	}
}

func (x held) plus(d held) held { return held{x.rooms + d.rooms, x.away + d.away} }

// add adds d to an entry of m, and drops the entry when it holds nothing. It returns m,
// which it makes when it is nil.
func add[K comparable](m map[K]held, key K, d held) map[K]held {
	if m == nil {
		m = make(map[K]held)
	}
	if now := m[key].plus(d); now == (held{}) {
		delete(m, key)
	} else {
		m[key] = now
	}
	return m
}
