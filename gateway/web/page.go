package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"p2pconnector/proto"
)

// pageData is what the template of the page gets.
type pageData struct {
	Open         bool // anybody may connect
	Version      string
	Commit       string
	ClientEvents []clientEvent
	ServerEvents []proto.EventDoc
	Errors       []proto.ErrorDoc
	Closes       []proto.CloseDoc
	Limits       []limit
	Grace        float64 // seconds in which a session can be resumed
	FullList     int     // members up to which every update has the full list
	Chat, Call   string
}

// clientEvent is an event that a client sends, with a frame to try.
type clientEvent struct {
	proto.EventDoc
	Example string
}

// limit is one row of the limits.
type limit struct {
	Name, Value, About string
}

// page renders the page. It panics when the template does not fit the data,
// which the tests would have seen.
func page(o Options, limits proto.Limits, grace time.Duration) []byte {
	t := template.Must(template.New("page.html").Funcs(template.FuncMap{"slug": slug}).ParseFS(embedded, "templates/page.html"))
	data := pageData{
		Open:         o.Open,
		Version:      o.Version,
		Commit:       o.Commit,
		ServerEvents: proto.ServerEvents,
		Errors:       proto.ErrorCodes,
		Closes:       proto.CloseCodes,
		Limits:       limitRows(limits),
		Grace:        grace.Seconds(),
		FullList:     proto.FullListMembers,
		Chat:         chatExample,
		Call:         callExample,
	}
	for _, d := range proto.ClientEvents {
		data.ClientEvents = append(data.ClientEvents, clientEvent{d, examples[d.Event]})
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		panic(fmt.Errorf("web: page: %w", err))
	}
	return b.Bytes()
}

// front is the page, rendered again when what it says about limits has changed: another
// gateway or a room service may have stricter ones. Safe for concurrent use.
type front struct {
	opts Options

	mu     sync.Mutex
	limits proto.Limits
	grace  time.Duration
	last   asset // of limits and grace; without a body before the first page
}

func (f *front) page(limits proto.Limits, grace time.Duration) asset {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last.body == nil || f.limits != limits || f.grace != grace {
		f.limits, f.grace = limits, grace
		f.last = newAsset(page(f.opts, limits, grace), kinds[".html"])
	}
	return f.last
}

func slug(name any) string {
	return strings.ReplaceAll(strings.ToLower(fmt.Sprint(name)), "_", "-")
}

func limitRows(l proto.Limits) []limit {
	perSecond := "none"
	if l.MessagesPerSecond > 0 {
		perSecond = fmt.Sprint(l.MessagesPerSecond)
	}
	rate := func(n int) string {
		if n <= 0 {
			return "none"
		}
		return group(n) + " bytes a second"
	}
	num := func(n int, unit string) string { return strings.TrimSpace(group(n) + " " + unit) }
	return []limit{
		{"max_message_bytes", num(cmp.Or(l.MaxMessageBytes, proto.DefaultMaxMessageBytes), "bytes"), "One frame. A bigger one closes the connection with 1009."},
		{"messages_per_second", perSecond, "Frames of one connection, with bursts. More answers Rate_Limited."},
		{"bytes_per_second", rate(l.BytesPerSecond), "Bytes of one connection's frames, 4 seconds' worth at once. More answers Rate_Limited."},
		{"egress_bytes_per_second", rate(l.EgressPerSecond), "Bytes sent to rooms for one connection: a message to a room counts once for each receiver. 4 seconds' worth at once."},
		{"room_egress_bytes_per_second", rate(l.RoomEgressPerSecond), "Bytes sent to one room for all connections of a gateway. 4 seconds' worth at once."},
		{"max_rooms", num(cmp.Or(l.MaxRooms, proto.DefaultMaxRooms), ""), "Rooms one peer may be in."},
		{"max_room_members", num(cmp.Or(l.MaxRoomMembers, proto.DefaultMaxRoomMembers), ""), "Members of one room."},
		{"nesting", num(proto.MaxDepth, "levels"), "Arrays and objects inside each other in a frame."},
		{"room", num(cmp.Or(l.MaxRoomIDBytes, proto.MaxRoomIDBytes), "bytes"), "A room id: any text without control characters, direction marks and non-characters."},
		{"name", num(cmp.Or(l.MaxRoomNameBytes, proto.MaxRoomNameBytes), "bytes"), "A room's name."},
		{"metadata", num(cmp.Or(l.MaxMetadataBytes, proto.MaxMetadataBytes), "bytes"), "A room's metadata as JSON; a member's may have " + num(cmp.Or(l.MaxMemberMetadata, proto.MaxMemberMetadata), "bytes") + "."},
		{"id", num(proto.MaxCorrelationID, "bytes"), "The correlation value of a frame, as JSON."},
		{"replay", num(cmp.Or(l.ReplayFrames, proto.DefaultReplayFrames), "frames"), "Kept for a peer that is away, and at most " + num(cmp.Or(l.ReplayBytes, proto.DefaultReplayBytes), "bytes") + " of them."},
	}
}

// group writes n with a thin space before each three digits.
func group(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
