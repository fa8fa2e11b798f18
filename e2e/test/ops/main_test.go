// Package ops_test checks what operators read: health, metrics, profiles, and
// the queries of the dashboard.
package ops_test

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

// samples are the values of one scrape, by name and labels as served.
type samples map[string]float64

func scrape(t testing.TB, ops string) samples {
	t.Helper()
	status, body := kit.Get(t, ops+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics: got %d, want 200: %s", status, body)
	}
	values := make(samples)
	for sc := bufio.NewScanner(strings.NewReader(body)); sc.Scan(); {
		line := sc.Text()
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			v, err := strconv.ParseFloat(line[i+1:], 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			values[line[:i]] = v
		}
	}
	return values
}

// eventually polls until ok, for changes that send no event to the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(kit.Patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}
