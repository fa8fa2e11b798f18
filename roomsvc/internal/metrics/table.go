package metrics

// table lists every metric except the histograms. Counters begin at 0 with all their
// labels, so that a query finds them before the first event.
var table = []metric{
	{"build_info", "The build: always 1.", gauge, []string{"version", "commit"}, func(_ *Metrics, now *Snapshot, put put) { put(1, now.Version, now.Commit) }},
	{"requests_total", "Requests answered, by endpoint and outcome: ok, the error's code, moved and ended, the refusals of the directory of sessions, or taken and changed, those of the directory of names.", counter, []string{"endpoint", "outcome"}, func(m *Metrics, _ *Snapshot, put put) {
		for endpoint := range m.answers {
			for outcome, n := range m.Answers(endpoint) {
				put(float64(n), endpoint, outcome)
			}
		}
	}},
	{"operations_waiting", "Operations queued for their room.", gauge, nil, at(func(now *Snapshot) int { return now.OperationsWaiting })},
	{"rooms_busy", "Rooms that are being worked on.", gauge, nil, at(func(now *Snapshot) int { return now.RoomsBusy })},
	{"operations_refused_total", "Requests refused because a queue was full, those to the directories included.", counter, nil, one(func(m *Metrics) *Counter { return &m.Refused })},
	{"operations_dropped_total", "Requests given up when NATS was lost, those to the directories included; their requesters repeat them.", counter, nil, one(func(m *Metrics) *Counter { return &m.Dropped })},
	{"commits_total", "Writes to the bucket of rooms that succeeded.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Commits })},
	{"operations_committed_total", "Operations that these writes answered.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Committed })},
	{"conflicts_total", "Writes and confirmations of rooms that found another revision, because another instance was first; each was tried again.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Conflicts })},
	{"bucket_failures_total", "Calls to the bucket of rooms whose outcome is unknown; each was tried again.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Failures })},
	{"room_reads_total", "Rooms read from the bucket.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Reads })},
	{"confirms_total", "States of rooms confirmed to be the latest.", counter, nil, one(func(m *Metrics) *Counter { return &m.Rooms.Confirms })},

	{"buckets_lost_total", "Times that a bucket was gone, with all that was in it, and a new one took its place.", counter, []string{"bucket"}, buckets(func(b *Bucket) uint64 { return b.Lost })},
	{"bucket_bytes", "Bytes that a bucket holds in JetStream.", gauge, []string{"bucket"}, buckets(func(b *Bucket) uint64 { return b.Bytes })},
	{"bucket_limit_bytes", "Bytes that a bucket may hold: half of them for what is new, the rest for leaving and ending; 0: JetStream has too little storage to grant a limit.", gauge, []string{"bucket"}, buckets(func(b *Bucket) uint64 { return b.Limit })},
	{"bucket_exhausted", "1 while JetStream has no storage for a bucket, so that rooms can only end.", gauge, []string{"bucket"}, buckets(func(b *Bucket) uint64 { return flag01(b.Exhausted) })},
	{"bucket_full_refused_total", "Requests refused with Limit_Exceeded because a bucket has no space for what is new.", counter, []string{"bucket"}, buckets(func(b *Bucket) uint64 { return b.Refused })},
	{"buckets_writable", "1 while rooms can be changed: 0 when JetStream has failed for 10 s.", gauge, nil, at(func(now *Snapshot) uint64 { return flag01(now.Writable) })},

	{"directory_requests_waiting", "Requests to the directories that wait for their turn, by queue: sessions, of a quarter of max-waiting-operations, session_syncs, of 256, names, of as many, or name_lists, of 256.", gauge, []string{"queue"}, func(_ *Metrics, now *Snapshot, put put) {
		for name, q := range now.Queues {
			put(float64(q.Waiting), name)
		}
	}},
	{"directory_requests_busy", "Requests to the directories that are being worked on, by queue.", gauge, []string{"queue"}, func(_ *Metrics, now *Snapshot, put put) {
		for name, q := range now.Queues {
			put(float64(q.Busy), name)
		}
	}},
	{"directory_conflicts_total", "Writes and confirmations of sessions or names that found another revision; each was followed by a read.", counter, []string{"directory"}, directories(func(d *Directory) *Counter { return &d.Conflicts })},
	{"directory_failures_total", "Calls to the bucket of sessions or of names whose outcome is unknown; each was tried again.", counter, []string{"directory"}, directories(func(d *Directory) *Counter { return &d.Failures })},
	{"directory_reads_total", "Sessions or names read from their bucket one by one: to look them up, and after a conflict.", counter, []string{"directory"}, directories(func(d *Directory) *Counter { return &d.Reads })},
	{"directory_swept_total", "Sessions that ended and names that were given back because their gateway was dead.", counter, []string{"directory"}, directories(func(d *Directory) *Counter { return &d.Swept })},

	{"sweeps_total", "Passes over all buckets in search of what dead gateways left.", counter, nil, one(func(m *Metrics) *Counter { return &m.Sweeps.Passes })},
	{"members_swept_total", "Members removed from rooms because their gateway was dead.", counter, nil, one(func(m *Metrics) *Counter { return &m.Sweeps.Members })},
	{"gateways", "Gateways by lease: live, or dead (no lease for longer than a lease lasts).", gauge, []string{"lease"}, func(_ *Metrics, now *Snapshot, put put) {
		put(float64(now.GatewaysLive), "live")
		put(float64(now.GatewaysDead), "dead")
	}},
	{"settings_disagree", "Other gateways and room services that have another value of a setting that all should have in common, by the setting. The smallest value applies.", gauge, []string{"setting"}, func(_ *Metrics, now *Snapshot, put put) {
		for setting, n := range now.SettingsDisagree {
			put(float64(n), setting)
		}
	}},
	{"settings_ignored_total", "Leases whose settings were not compared, because those of 4,352 others are.", counter, nil, at(func(now *Snapshot) uint64 { return now.SettingsIgnored })},

	{"nats_connected", "1 while the service is connected to NATS.", gauge, nil, at(func(now *Snapshot) uint64 { return flag01(now.NATSConnected) })},
	{"nats_reconnects_total", "Reconnects to NATS.", counter, nil, at(func(now *Snapshot) uint64 { return now.NATSReconnects })},
	{"nats_pending_bytes", "Bytes that wait for the network.", gauge, []string{"direction"}, func(_ *Metrics, now *Snapshot, put put) { put(float64(now.NATSPendingBytes), "out") }},
	{"panics_total", "Room workers and requests that panicked.", counter, nil, one(func(m *Metrics) *Counter { return &m.Panics })},
}

// one reads a counter without labels.
func one(field func(*Metrics) *Counter) func(*Metrics, *Snapshot, put) {
	return func(m *Metrics, _ *Snapshot, put put) { put(float64(field(m).Load())) }
}

// at reads a value of the snapshot without labels.
func at[N int | uint64](field func(*Snapshot) N) func(*Metrics, *Snapshot, put) {
	return func(_ *Metrics, now *Snapshot, put put) { put(float64(field(now))) }
}

// buckets reads a value of each bucket.
func buckets(field func(*Bucket) uint64) func(*Metrics, *Snapshot, put) {
	return func(_ *Metrics, now *Snapshot, put put) {
		for i := range now.Buckets {
			put(float64(field(&now.Buckets[i])), now.Buckets[i].Name)
		}
	}
}

// directories reads a counter of each directory.
func directories(field func(*Directory) *Counter) func(*Metrics, *Snapshot, put) {
	return func(m *Metrics, _ *Snapshot, put put) {
		put(float64(field(&m.Sessions).Load()), "sessions")
		put(float64(field(&m.Names).Load()), "names")
	}
}

func flag01(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}
