package ops_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
)

const dashboard = "../compose/monitoring/grafana/peer2peer.json"

// query is one of a panel of the dashboard.
type query struct{ panel, expr string }

func queries(t *testing.T) (list []query) {
	t.Helper()
	b, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			list = append(list, query{p.Title, target.Expr})
		}
	}
	if len(list) < 20 {
		t.Fatalf("the dashboard has %d queries", len(list))
	}
	return list
}

var (
	metricName = regexp.MustCompile(`\b(?:p2p|process|go)_[a-z0-9_]+`)
	labelMatch = regexp.MustCompile(`\bby \(([a-z, ]+)\)|[{,]([a-z]+)=`)
)

// TestDashboardNames: every metric and every label that a query names is served.
func TestDashboardNames(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true})
	_, gateway := get(t, s.Ops(0)+"/metrics")
	_, rooms := get(t, s.RoomsOps(0)+"/metrics")
	served := gateway + rooms
	for _, q := range queries(t) {
		names := metricName.FindAllString(q.expr, -1)
		for _, name := range names {
			if !strings.Contains(served, "\n"+name+"{") && !strings.Contains(served, "\n"+name+" ") {
				t.Errorf("panel %q: nobody serves %s", q.panel, name)
			}
		}
		if len(names) == 0 && !strings.HasPrefix(q.expr, "sum by (job) (up{") {
			t.Errorf("panel %q: %s names no metric", q.panel, q.expr)
		}
		for _, m := range labelMatch.FindAllStringSubmatch(q.expr, -1) {
			for label := range strings.SplitSeq(m[1]+m[2], ",") {
				switch label = strings.TrimSpace(label); label {
				case "job", "instance": // Prometheus's own
				default:
					if !strings.Contains(served, label+`="`) {
						t.Errorf("panel %q: no metric has the label %s", q.panel, label)
					}
				}
			}
		}
	}
}

// TestDashboardQueries asks a real Prometheus, which reads a system under load,
// every query of the dashboard: each returns data.
func TestDashboardQueries(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("Prometheus is not installed (Debian's package prometheus has it)")
	}
	s := kit.Start(t, kit.Options{Ops: true})
	api := prometheus(t, bin, s)
	// The load goes on until every query has data: a rate needs two scrapes.
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	asked := queries(t)
	a.Create("busy")
	round := 0
	eventually(t, "every query to return data", func() bool {
		round++
		for range 100 {
			a.Send(`{"event":"Message","to":%q,"data":1}`, b.ID)
			a.Send(`{"event":"Message","to":%q,"data":1}`, a.ID)
			b.Expect(proto.Message)
			a.Expect(proto.Message)
		}
		b.Send(`{"event":"Create_Room","data":{"room":"r%d"}}`, round)
		b.Expect(proto.RoomCreated)
		b.Send(`{"event":"Leave_Room","data":{"room":"r%d"}}`, round)
		b.Expect(proto.RoomLeft)
		left := asked[:0:0]
		for _, q := range asked {
			if !hasData(t, api, q.expr) {
				left = append(left, q)
			}
		}
		asked = left
		if round%50 == 0 {
			t.Logf("still without data: %v", asked)
		}
		return len(asked) == 0
	})
}

// hasData asks Prometheus; a value that is no number is none.
func hasData(t *testing.T, api, expr string) bool {
	t.Helper()
	expr = strings.ReplaceAll(expr, "$__rate_interval", "10s")
	status, body := get(t, api+"/api/v1/query?query="+url.QueryEscape(expr))
	if status != http.StatusOK {
		t.Fatalf("%s: %s", expr, body)
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// prometheus runs one that reads the system twice a second, under the names of
// the jobs that docker-compose gives it.
func prometheus(t *testing.T, bin string, s *kit.Stack) (api string) {
	t.Helper()
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	host := func(ops string) string { return strings.TrimPrefix(ops, "http://") }
	config := fmt.Sprintf(`{"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}, "scrape_configs": [
		{"job_name": "gateway", "static_configs": [{"targets": [%q, %q]}]},
		{"job_name": "roomsvc", "static_configs": [{"targets": [%q, %q]}]}]}`,
		host(s.Ops(0)), host(s.Ops(1)), host(s.RoomsOps(0)), host(s.RoomsOps(1)))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addrs[0])
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed: that is its error
		if t.Failed() {
			t.Log(said.String())
		}
	})
	api = "http://" + addrs[0]
	eventually(t, "Prometheus to be ready", func() bool {
		resp, err := plain.Get(api + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return api
}
