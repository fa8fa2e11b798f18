package permissions_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
	"p2pconnector/gateway"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc"
)

// TestLogin_UnknownUser_IsRefused: the server refuses no user, an unknown user, and a wrong
// password.
func TestLogin_UnknownUser_IsRefused(t *testing.T) {
	box, err := natsbox.Start(natsbox.Config{File: conf, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, login := range map[string]nats.Option{
		"no user":        func(*nats.Options) error { return nil },
		"unknown user":   nats.UserInfo("admin", "test-gateway"),
		"wrong password": nats.UserInfo("gateway", "test-roomsvc"),
		"no password":    nats.UserInfo("gateway", ""),
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := nats.Connect(box.URL(), login)
			if err == nil {
				nc.Close()
			}
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("got %v, want an authorization error", err)
			}
		})
	}
}

// TestLogin_NoPassword_IsRefused: the server does not start without one of the passwords.
func TestLogin_NoPassword_IsRefused(t *testing.T) {
	for _, name := range []string{"NATS_GATEWAY_PASSWORD", "NATS_ROOMSVC_PASSWORD", "NATS_BACKEND_PASSWORD"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "") // so that it is restored afterwards
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
			box, err := natsbox.Start(natsbox.Config{File: conf})
			if err == nil {
				box.Close()
				t.Error("the server started")
			}
		})
	}
}

// TestLoginFile_PasswordsChange_ServicesReconnectWithTheNewOnes: services read user and
// password from a file at each connect, so that NATS can be given other passwords while
// they run.
func TestLoginFile_PasswordsChange_ServicesReconnectWithTheNewOnes(t *testing.T) {
	logins := map[string]string{"gateway": filepath.Join(t.TempDir(), "gateway"), "roomsvc": filepath.Join(t.TempDir(), "roomsvc")}
	write := func(suffix string) {
		for user, file := range logins {
			t.Setenv("NATS_"+strings.ToUpper(user)+"_PASSWORD", "test-"+user+suffix)
			if err := os.WriteFile(file, []byte(user+":test-"+user+suffix+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	box := natsbox.Config{File: conf, Listen: addrs[0], StoreDir: t.TempDir()}
	serve := func() *natsbox.Server {
		s, err := natsbox.Start(box)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("")
	now := serve()
	t.Cleanup(func() { // after the services
		if err := now.Close(); err != nil {
			t.Error(err)
		}
	})
	connected := make(chan string, 64)
	logger := slog.New(slog.NewTextHandler(connects(connected), nil))
	rooms, err := roomsvc.New(roomsvc.Config{NATS: service.NATS{URL: "nats://" + addrs[0], Login: logins["roomsvc"]}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", DrainWindow: 100 * time.Millisecond, NATS: service.NATS{URL: "nats://" + addrs[0], Login: logins["gateway"]}, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	kit.Run(t, rooms)
	kit.Run(t, g)
	for range 2 {
		<-connected
	}
	if err := now.Close(); err != nil {
		t.Fatal(err)
	}
	write("-new")
	now = serve()
	late := time.NewTimer(kit.Patience)
	defer late.Stop()
	for n := range 2 {
		select {
		case <-connected:
		case <-late.C:
			t.Fatalf("got %d services connected with the new passwords, want 2", n)
		}
	}
}

// connects sends the log lines of services that have connected to NATS.
type connects chan string

func (c connects) Write(b []byte) (int, error) {
	if strings.Contains(string(b), `"nats: connected"`) {
		select {
		case c <- string(b):
		default: // more than the test waits for
		}
	}
	return len(b), nil
}
