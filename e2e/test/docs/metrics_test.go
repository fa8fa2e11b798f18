package docs

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

// TestMetrics_Table_IsThatOfTheServices compares the tables in metrics.md with what each service serves. After a change: go test ./e2e/test/docs -run Metrics -update
func TestMetrics_Table_IsThatOfTheServices(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true})
	for name, ops := range map[string]string{"gateway": s.Ops(0), "roomsvc": s.RoomsOps(0)} {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(ops + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		table, n := metricsTable(t, resp.Body)
		resp.Body.Close()
		if n < 15 {
			t.Errorf("%s serves %d metrics of its own", name, n)
		}
		holdPart(t, "metrics.md", "metrics: "+name, table)
	}
}

var metricLabel = regexp.MustCompile(`[{,]([a-z_]+)="`)

// metricsTable lists the metrics of our own in a scrape, with their labels.
func metricsTable(t *testing.T, scrape io.Reader) (table string, n int) {
	t.Helper()
	type metric struct {
		name, help, kind string
		labels           []string
	}
	var all []*metric
	sc := bufio.NewScanner(scrape)
	for sc.Scan() {
		line := sc.Text()
		if rest, ok := strings.CutPrefix(line, "# HELP p2p_"); ok {
			name, help, _ := strings.Cut(rest, " ")
			all = append(all, &metric{name: "p2p_" + name, help: help})
			continue
		}
		if len(all) == 0 {
			continue
		}
		last := all[len(all)-1]
		if kind, ok := strings.CutPrefix(line, "# TYPE "+last.name+" "); ok {
			last.kind = kind
		} else if strings.HasPrefix(line, last.name) {
			for _, m := range metricLabel.FindAllStringSubmatch(line, -1) {
				if m[1] != "le" && !slices.Contains(last.labels, m[1]) {
					last.labels = append(last.labels, m[1])
				}
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| metric | kind | labels | what |\n|---|---|---|---|\n")
	for _, m := range all {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(m.labels, ", "), cell(m.help))
	}
	return b.String(), len(all)
}
