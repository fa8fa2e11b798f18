package ops_test

import (
	"context"
	"encoding/json"
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

const dashboard = monitoring + "grafana/peer2peer.json"

// query is a query of a panel of the dashboard.
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
			t.Errorf("panel %q: got no query, want one", p.Title)
		}
		for _, target := range p.Targets {
			list = append(list, query{p.Title, target.Expr})
		}
	}
	if len(list) < 20 {
		t.Fatalf("got %d queries, want more", len(list))
	}
	return list
}

var (
	metricName = regexp.MustCompile(`\b(?:p2p|process|go)_[a-z0-9_]+`)
	labelMatch = regexp.MustCompile(`\bby \(([a-z, ]+)\)|[{,]([a-z]+)=`)
)

// TestDashboard_EveryMetric_Exists: the services serve every metric and every label that a
// query names.
func TestDashboard_EveryMetric_Exists(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true})
	_, gateway := kit.Get(t, s.Ops(0)+"/metrics")
	_, rooms := kit.Get(t, s.RoomsOps(0)+"/metrics")
	served := gateway + rooms
	for _, q := range queries(t) {
		names := metricName.FindAllString(q.expr, -1)
		for _, name := range names {
			if !strings.Contains(served, "\n"+name+"{") && !strings.Contains(served, "\n"+name+" ") {
				t.Errorf("panel %q: no service serves %s", q.panel, name)
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

// TestDashboard_EveryQuery_HasAResult sends every query of the dashboard to a real Prometheus,
// which scrapes a system under load: each returns data.
func TestDashboard_EveryQuery_HasAResult(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("Prometheus is not installed (Debian's package prometheus has it)")
	}
	s := kit.Start(t, kit.Options{Ops: true})
	api := prometheus(t, bin, s)
	// The load continues until every query has data: a rate needs two scrapes.
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

// hasData runs a query in Prometheus, and reports whether it returns a number.
func hasData(t *testing.T, api, expr string) bool {
	t.Helper()
	expr = strings.ReplaceAll(expr, "$__rate_interval", "10s")
	status, body := kit.Get(t, api+"/api/v1/query?query="+url.QueryEscape(expr))
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

const monitoring = "../../monitoring/"

// found matches how docker-compose's Prometheus finds the instances of a
// service.
var found = regexp.MustCompile(`dns_sd_configs: \[\{ names: \[(\w+)\], type: A, port: 9090, refresh_interval: 5s \}\]`)

// provisioned writes the configuration that docker-compose gives to Prometheus,
// except that it scrapes the instances of s, where there is no DNS, and twice a
// second.
func provisioned(t *testing.T, s *kit.Stack) string {
	t.Helper()
	b, err := os.ReadFile(monitoring + "prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	host := func(ops string) string { return strings.TrimPrefix(ops, "http://") }
	instances := map[string]string{
		"gateway": host(s.Ops(0)) + ", " + host(s.Ops(1)),
		"roomsvc": host(s.RoomsOps(0)) + ", " + host(s.RoomsOps(1)),
	}
	config := found.ReplaceAllStringFunc(string(b), func(text string) string {
		service := found.FindStringSubmatch(text)[1]
		targets := instances[service]
		delete(instances, service)
		return "static_configs: [{ targets: [" + targets + "] }]"
	})
	if len(instances) > 0 {
		t.Fatalf("prometheus.yml does not look for %v", instances)
	}
	fast := strings.Replace(config, "scrape_interval: 5s", "scrape_interval: 500ms\n  scrape_timeout: 500ms", 1)
	if fast == config {
		t.Fatal("prometheus.yml does not scrape every 5 s, which is the data source's timeInterval")
	}
	return fast
}

// prometheus runs Prometheus with the provisioned configuration.
func prometheus(t *testing.T, bin string, s *kit.Stack) (api string) {
	t.Helper()
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(provisioned(t, s)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addrs[0])
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed, which is an error
		if t.Failed() {
			t.Log(stderr.String())
		}
	})
	api = "http://" + addrs[0]
	eventually(t, "Prometheus to be ready", func() bool {
		resp, err := kit.HTTP.Get(api + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return api
}
