package webtorrent

import (
	"encoding/json"
	"testing"
)

// FuzzParse: no text makes parse panic, and all that is made from a message is JSON that is
// read as it was meant.
func FuzzParse(f *testing.F) {
	const h = `"01234567890123456789"`
	for _, text := range []string{
		``, `{`, `[]`, `{"action":"announce"}`, `{"action":"scrape","info_hash":` + h + `}`, `{"action":"scrape","info_hash":[` + h + ` , ` + h + `]}`,
		`{"action":"announce","info_hash":` + h + `,"peer_id":` + h + `,"left":0,"event":"started","offers":[{"offer":{"sdp":"a]\"}"},"offer_id":"1"},{},7,[[1]]]}`,
		`{"action":"announce","info_hash":` + h + `,"peer_id":"\u00ff\u0000\n\"\\/ÿÿ12345678901234","answer":{},"to_peer_id":` + h + `}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, why := parse(text, false)
		if why != "" {
			if b := failureText(m.kind, why, nil); !json.Valid(b) {
				t.Errorf("got %s, want JSON", b)
			}
			return
		}
		if m.kind == scrape {
			again, why := parse(scrapeRequest(m.hashes), true)
			if why != "" || len(again.hashes) != len(m.hashes) || again.hashes[0] != m.hashes[0] {
				t.Errorf("parse(scrapeRequest(%x)): got %x, error %q, want the same hashes", m.hashes, again.hashes, why)
			}
			return
		}
		if len(m.offers) > maxOffers {
			t.Errorf("got %d offers, want at most %d", len(m.offers), maxOffers)
		}
		for i := range m.offers {
			if b := offerText(&m.offers[i], m.peer, m.hash); !json.Valid(b) {
				t.Errorf("got %s, want JSON", b)
			}
		}
		if m.kind == answer && !json.Valid(answerText(&m)) {
			t.Errorf("got %s, want JSON", answerText(&m))
		}
		again, why := parse(request(m.event, m.hash, m.peer, m.done), true)
		if why != "" || again.hash != m.hash || again.peer != m.peer || again.done != m.done || again.event != m.event {
			t.Errorf("parse(request(%+v)): got %+v, error %q, want the same request", m, again, why)
		}
	})
}
