package ops_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestProvisioning_GrafanaFiles_FitTogether: the files that docker-compose passes to Grafana fit together:
// every panel uses the provisioned data source, which refers to the service
// prometheus, and the dashboard is where Grafana looks for it.
func TestProvisioning_GrafanaFiles_FitTogether(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	compose := read("../../../docker-compose.yml")
	source := read(monitoring + "grafana/datasource.yml")
	for _, w := range []struct{ in, text string }{
		{source, "uid: p2p-prometheus\n"},
		{source, "url: http://prometheus:9090\n"},
		{source, "timeInterval: 5s"},
		{read(monitoring + "grafana/dashboards.yml"), "path: /etc/grafana/dashboards }"},
		{compose, "\n  prometheus:\n"},
		{compose, "/monitoring/prometheus.yml:/etc/prometheus/prometheus.yml:ro"},
		{compose, "/grafana/peer2peer.json:/etc/grafana/dashboards/peer2peer.json:ro"},
		{compose, "/grafana/datasource.yml:/etc/grafana/provisioning/datasources/"},
		{compose, "/grafana/dashboards.yml:/etc/grafana/provisioning/dashboards/"},
		{compose, "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: /etc/grafana/dashboards/peer2peer.json\n"},
	} {
		if !strings.Contains(w.in, w.text) {
			t.Errorf("no file contains %q", w.text)
		}
	}
	type asks struct{ Datasource struct{ Type, UID string } }
	var d struct {
		Panels []struct {
			asks
			Type, Title string
			Targets     []asks
		}
	}
	if err := json.Unmarshal([]byte(read(dashboard)), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		for _, a := range append(p.Targets, p.asks) {
			if a.Datasource.Type != "prometheus" || a.Datasource.UID != "p2p-prometheus" {
				t.Errorf("panel %q uses %+v", p.Title, a.Datasource)
			}
		}
	}
}
