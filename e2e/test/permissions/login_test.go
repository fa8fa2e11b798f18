package permissions_test

import (
	"errors"
	"os"
	"testing"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
)

// TestNobodyElse: the server refuses no user, an unknown user, and a wrong
// password.
func TestNobodyElse(t *testing.T) {
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

// TestPasswordsAreNeeded: the server does not start without one of the passwords.
func TestPasswordsAreNeeded(t *testing.T) {
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
