package webtorrent

import (
	"encoding/json"
	"strconv"

	"p2pconnector/proto"
)

// Bounds of a message.
const (
	maxOffers = 20 // of an announce; further ones are ignored, as when the swarm is small
	maxHashes = 64 // of a scrape
)

// kind is what a message asks for.
type kind int

const (
	announce kind = iota
	answer        // to an offer
	scrape
)

// Events of announces.
const (
	started   = "started"
	stopped   = "stopped"
	completed = "completed"
	paused    = "paused"
	update    = "update" // also in place of none
	// Of gateways only.
	again = "again" // a member whose swarm has another home now
	gone  = "gone"  // a member has left; there is no reply
)

// message is what a client sends. Its slices point into the text.
type message struct {
	kind    kind
	hash    id
	hashes  []id // of a scrape
	peer    id   // the client's
	event   string
	done    bool // the client has the whole torrent
	offers  []offer
	answer  []byte
	offerID []byte // of the answer
	to      id     // whose offer it answers
}

// offer is an offer for any other member: raw JSON, or nil.
type offer struct{ offer, id []byte }

// fields are the members of a message, as raw JSON.
type fields struct {
	action, event, infoHash, peerID, left, offers, answer, offerID, to []byte
}

// parse reads a text. why says what is wrong with it; "" for nothing. internal allows the
// events of gateways.
func parse(text []byte, internal bool) (m message, why string) {
	var f fields
	ok := proto.Members(text, func(name string, value []byte) {
		if p := f.named(name); p != nil {
			*p = value
		}
	})
	switch {
	case !ok:
		return m, "invalid message: no JSON object, or a member is there twice"
	case string(f.action) == `"scrape"`:
		m.kind = scrape
		return m, m.readHashes(f.infoHash)
	case string(f.action) != `"announce"`:
		return m, "invalid action in WS request"
	}
	return m, m.read(&f, internal)
}

func (f *fields) named(name string) *[]byte {
	switch name {
	case "action":
		return &f.action
	case "event":
		return &f.event
	case "info_hash":
		return &f.infoHash
	case "peer_id":
		return &f.peerID
	case "left":
		return &f.left
	case "offers":
		return &f.offers
	case "answer":
		return &f.answer
	case "offer_id":
		return &f.offerID
	case "to_peer_id":
		return &f.to
	}
	return nil
}

// read reads an announce or an answer, and returns what is wrong with it.
func (m *message) read(f *fields, internal bool) (why string) {
	var ok bool
	if m.hash, ok = parseID(f.infoHash); !ok {
		return "invalid info_hash"
	}
	if m.peer, ok = parseID(f.peerID); !ok {
		return "invalid peer_id"
	}
	if truthy(f.answer) {
		m.kind, m.answer, m.offerID = answer, f.answer, f.offerID
		if m.to, ok = parseID(f.to); !ok {
			return "invalid `to_peer_id` (required with `answer`)"
		}
	}
	m.event = update
	if truthy(f.event) && string(f.event) != `"empty"` {
		m.event = eventOf(f.event, internal)
		if m.event == "" {
			return "invalid event"
		}
	}
	m.done = isZero(f.left)
	if m.kind == announce && len(f.offers) > 0 && f.offers[0] == '[' {
		m.readOffers(f.offers)
	}
	return ""
}

// eventOf returns the event that raw names; "" for none.
func eventOf(raw []byte, internal bool) string {
	for _, e := range [...]string{started, stopped, completed, paused, update} {
		if string(raw) == `"`+e+`"` {
			return e
		}
	}
	for _, e := range [...]string{again, gone} {
		if internal && string(raw) == `"`+e+`"` {
			return e
		}
	}
	return ""
}

// readOffers reads offers. What is no offer is ignored.
func (m *message) readOffers(raw []byte) {
	for v := range elements(raw) {
		if len(m.offers) == maxOffers {
			return
		}
		if v[0] != '{' {
			continue
		}
		var o offer
		proto.Members(v, func(name string, value []byte) {
			switch name {
			case "offer":
				o.offer = value
			case "offer_id":
				o.id = value
			}
		})
		m.offers = append(m.offers, o)
	}
}

// readHashes reads the info hashes of a scrape, and returns what is wrong with them.
func (m *message) readHashes(raw []byte) (why string) {
	if len(raw) == 0 || raw[0] != '[' {
		h, ok := parseID(raw)
		if !ok {
			return "invalid info_hash"
		}
		m.hashes = []id{h}
		return ""
	}
	for v := range elements(raw) {
		h, ok := parseID(v)
		switch {
		case !ok:
			return "invalid info_hash"
		case len(m.hashes) == maxHashes:
			return "too many info hashes: ask for at most " + strconv.Itoa(maxHashes)
		}
		m.hashes = append(m.hashes, h)
	}
	if m.hashes == nil {
		return "invalid info_hash"
	}
	return ""
}

// elements yields the elements of a valid JSON array.
func elements(raw []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		depth, from := 0, 1
		for i := 1; i < len(raw); i++ {
			switch c := raw[i]; {
			case c == '"':
				for i++; raw[i] != '"'; i++ {
					if raw[i] == '\\' {
						i++
					}
				}
			case c == '[' || c == '{':
				depth++
			case depth > 0 && (c == ']' || c == '}'):
				depth--
			case depth == 0 && (c == ',' || c == ']'):
				if v := trim(raw[from:i]); len(v) > 0 && !yield(v) {
					return
				}
				from = i + 1
			}
		}
	}
}

// trim returns b without the white space of JSON around it.
func trim(b []byte) []byte {
	space := func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// truthy reports whether JavaScript takes a value for true.
func truthy(raw []byte) bool {
	switch string(raw) {
	case "", "null", "false", `""`:
		return false
	}
	return !isZero(raw)
}

// isZero reports whether raw is the number 0, or a string that holds it. A client that does
// not know yet how much is left sends null.
func isZero(raw []byte) bool {
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && n == 0
}

// The texts that clients get.

// replyText answers an announce.
func replyText(x counts, seconds int, hash id) []byte {
	b := strconv.AppendInt(append(make([]byte, 0, 160), `{"complete":`...), int64(x.complete), 10)
	b = strconv.AppendInt(append(b, `,"incomplete":`...), int64(x.incomplete), 10)
	b = strconv.AppendInt(append(b, `,"action":"announce","interval":`...), int64(seconds), 10)
	return append(hash.appendTo(append(b, `,"info_hash":`...)), '}')
}

// announceAgainText makes a client announce again, without an answer to what it sent.
func announceAgainText(seconds int, hash id) []byte {
	b := strconv.AppendInt([]byte(`{"action":"announce","interval":`), int64(seconds), 10)
	return append(hash.appendTo(append(b, `,"info_hash":`...)), '}')
}

// offerText is an offer of a member for another.
func offerText(o *offer, from, hash id) []byte {
	b := make([]byte, 0, len(o.offer)+len(o.id)+192)
	return signal(b, `,"offer":`, o.offer, o.id, from, hash)
}

// answerText is an answer as the member gets it that made the offer.
func answerText(m *message) []byte {
	b := make([]byte, 0, len(m.answer)+len(m.offerID)+192)
	return signal(b, `,"answer":`, m.answer, m.offerID, m.peer, m.hash)
}

// signal appends an offer or an answer. What the sender left out stays out.
func signal(b []byte, name string, value, offerID []byte, from, hash id) []byte {
	b = append(b, `{"action":"announce"`...)
	if value != nil {
		b = append(append(b, name...), value...)
	}
	if offerID != nil {
		b = append(append(b, `,"offer_id":`...), offerID...)
	}
	b = from.appendTo(append(b, `,"peer_id":`...))
	return append(hash.appendTo(append(b, `,"info_hash":`...)), '}')
}

// filesText answers a scrape.
func filesText(hashes []id, of []counts, seconds int) []byte {
	b := []byte(`{"action":"scrape","files":{`)
	for i, h := range hashes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(h.appendTo(b), `:{"complete":`...), int64(of[i].complete), 10)
		b = strconv.AppendInt(append(b, `,"incomplete":`...), int64(of[i].incomplete), 10)
		b = strconv.AppendInt(append(b, `,"downloaded":`...), int64(of[i].downloaded), 10)
		b = append(b, '}')
	}
	b = append(b, `},"flags":{"min_request_interval":`...)
	return append(strconv.AppendInt(b, int64(seconds), 10), `}}`...)
}

// failureText refuses a message. Clients give up their connection when action is missing. They
// ignore it unless hash is that of their torrent; nil leaves it out.
func failureText(k kind, why string, hash *id) []byte {
	action := `{"action":"announce"`
	if k == scrape {
		action = `{"action":"scrape"`
	}
	q, _ := json.Marshal(why) // a string always encodes
	b := append(append([]byte(action), `,"failure reason":`...), q...)
	if hash != nil {
		b = hash.appendTo(append(b, `,"info_hash":`...))
	}
	return append(b, '}')
}

// request is the text by which a gateway announces for its client.
func request(event string, hash, peer id, done bool) []byte {
	left := 1
	if done {
		left = 0
	}
	b := append([]byte(`{"action":"announce","event":"`), event...)
	b = strconv.AppendInt(append(b, `","left":`...), int64(left), 10)
	b = hash.appendTo(append(b, `,"info_hash":`...))
	return append(peer.appendTo(append(b, `,"peer_id":`...)), '}')
}

// scrapeRequest asks for the counts of swarms.
func scrapeRequest(hashes []id) []byte {
	b := []byte(`{"action":"scrape","info_hash":[`)
	for i, h := range hashes {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.appendTo(b)
	}
	return append(b, `]}`...)
}
