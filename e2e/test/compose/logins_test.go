package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"p2pconnector/proto/service"
)

// users are those of nats.conf and of the cluster, with the folder of each.
var users = map[string]string{"GATEWAY": "gateway/gateway", "ROOMSVC": "roomsvc/roomsvc", "BACKEND": "nats/backend", "ROUTE": "nats/route"}

// start runs logins.sh as a NATS node does, and returns the passwords that it sets.
func start(t *testing.T, folder, node string, env ...string) map[string]string {
	t.Helper()
	script := ". ./logins.sh\n"
	for user := range users {
		script += "echo " + user + " $NATS_" + user + "_PASSWORD\n"
	}
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir, cmd.Env = root+"/proto/bus", append([]string{"PATH=" + os.Getenv("PATH"), "LOGINS=" + folder, "NODE=" + node}, env...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("logins.sh: %v", err)
	}
	passwords := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		user, password, _ := strings.Cut(strings.TrimSpace(line), " ")
		passwords[user] = password
	}
	return passwords
}

var drawn = regexp.MustCompile(`^p[0-9a-f]{48}$`)

// TestLogins_NodesStartAtOnce_AgreeOnPasswordsThatStay: the first start draws a password for
// each user, every node gets the same, and so does a later start. The services can read
// theirs.
func TestLogins_NodesStartAtOnce_AgreeOnPasswordsThatStay(t *testing.T) {
	folder := t.TempDir()
	all := make([]map[string]string, 4)
	var wg sync.WaitGroup
	for i, node := range []string{"nats-1", "nats-2", "nats-3"} {
		wg.Go(func() { all[i] = start(t, folder, node) })
	}
	wg.Wait()
	all[3] = start(t, folder, "nats-1")
	seen := make(map[string]string)
	for user, file := range users {
		want := all[0][user]
		if !drawn.MatchString(want) || seen[want] != "" {
			t.Errorf("%s: got the password %q, want a drawn one of its own", user, want)
		}
		seen[want] = user
		for i := range all {
			if got := all[i][user]; got != want {
				t.Errorf("%s: got the password %q at start %d, want that of the first, %q", user, got, i, want)
			}
		}
		name, password, err := service.NATS{Login: filepath.Join(folder, file)}.ReadLogin()
		if err != nil || name != strings.ToLower(user) || password != want {
			t.Errorf("%s: got %q %q, error %v, want %q %q", file, name, password, err, strings.ToLower(user), want)
		}
	}
	left, err := filepath.Glob(folder + "/*/*")
	if err != nil || len(left) != len(users) {
		t.Errorf("got the files %q, error %v, want one for each user", left, err)
	}
}

// TestLogins_PasswordIsGiven_ReplacesTheDrawnOne: one from .env goes before, and stays.
func TestLogins_PasswordIsGiven_ReplacesTheDrawnOne(t *testing.T) {
	folder := t.TempDir()
	before := start(t, folder, "nats-1")
	for _, env := range [][]string{{"NATS_GATEWAY_PASSWORD=of:my own"}, nil} {
		got := start(t, folder, "nats-1", env...)
		if got["GATEWAY"] != "of:my own" || got["ROOMSVC"] != before["ROOMSVC"] {
			t.Errorf("given %q: got %q and %q, want %q and %q", env, got["GATEWAY"], got["ROOMSVC"], "of:my own", before["ROOMSVC"])
		}
	}
}

// TestLogins_ComposeFile_HoldsNoPassword: docker-compose.yml has no password as a default,
// and a service sees the volume of its own login only.
func TestLogins_ComposeFile_HoldsNoPassword(t *testing.T) {
	file := read(t, "docker-compose.yml")
	for user := range users {
		if want := "NATS_" + user + "_PASSWORD: ${NATS_" + user + "_PASSWORD:-}"; !strings.Contains(file, want) {
			t.Errorf("got no %q, want it: the first start draws a password", want)
		}
	}
	for _, name := range []string{"gateway", "roomsvc"} {
		part := between(t, file, "\n  "+name+":\n", "\n\n")
		if n := strings.Count(part, "login-"); n != 1 || !strings.Contains(part, `"login-`+name+`:/login:ro"`) {
			t.Errorf("%s: got %d volumes of logins, want its own, read-only", name, n)
		}
		if !strings.Contains(part, "P2P_NATS_LOGIN: /login/"+name+"\n") || strings.Contains(part, "@nats:") {
			t.Errorf("%s: got no login from the volume, want P2P_NATS_LOGIN and a URL without a user", name)
		}
	}
}
