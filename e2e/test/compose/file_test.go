package compose_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var settingRow = regexp.MustCompile("(?m)^\\| `--[^`]+` \\| `(P2P_[A-Z0-9_]+)`")

// fixed are the settings that docker-compose.yml or the images set.
var fixed = []string{"P2P_LISTEN", "P2P_OPS_LISTEN", "P2P_NATS_URL", "P2P_NATS_CA", "P2P_NATS_CERT", "P2P_NATS_CREDS", "P2P_NATS_KEY", "P2P_NATS_LOGIN"}

// TestComposeFile_EverySetting_IsPassedOn: whatever settings.md lists for a service can be put into .env.
func TestComposeFile_EverySetting_IsPassedOn(t *testing.T) {
	file := read(t, "docker-compose.yml")
	shared := between(t, file, "\nx-settings:", "\n\n")
	settings := read(t, "gateway/web/docs/settings.md")
	for _, service := range []string{"gateway", "roomsvc"} {
		given := shared + between(t, file, "\n  "+service+":\n", "\n\n")
		rows := settingRow.FindAllStringSubmatch(between(t, settings, "<!-- flags: "+service+" -->", "<!-- end -->"), -1)
		if len(rows) < 10 {
			t.Fatalf("settings.md lists %d settings of %s", len(rows), service)
		}
		for _, row := range rows {
			if name := row[1]; !slices.Contains(fixed, name) && !strings.Contains(given, name+": ${"+name+":-") {
				t.Errorf("docker-compose.yml does not pass %s to %s", name, service)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(root + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// between returns the text after one mark and before the next other.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("there is no %q … %q", from, to)
	}
	return part
}
