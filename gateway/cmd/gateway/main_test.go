package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

// TestRun_CannotStart_PrintsItsNameOnce: whatever keeps a gateway from running, the
// output is one line that begins with the program's name.
func TestRun_CannotStart_PrintsItsNameOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"helthcheck"}, 2, `gateway: unexpected argument "helthcheck"`},
		{[]string{"--page-off", "no"}, 2, `gateway: unexpected argument "no"`},
		{[]string{"--nats-creds", "no/such/file"}, 2, "gateway: nats-creds: open no/such/file"},
		{[]string{"--ops-listen", taken.Addr().String()}, 1, "gateway: ops-listen: listen tcp"},
		{[]string{"--listen", taken.Addr().String(), "--ops-listen", "off"}, 1, "gateway: listen " + taken.Addr().String()},
	} {
		var out bytes.Buffer
		args := append(tc.args, "--log-level", "error")
		if tc.code == 1 {
			args = append(args, "--nats-url", "nats://127.0.0.1:1", "--session-key", "a secret for tests only")
		}
		code := program().Run(t.Context(), args, io.Discard, &out)
		got, help := out.String(), strings.HasSuffix(out.String(), "; see gateway --help\n")
		if code != tc.code || !strings.HasPrefix(got, tc.want) || strings.Count(got, "gateway: ") != 1 || strings.Count(got, "\n") != 1 || help != (code == 2) {
			t.Errorf("%q: got exit code %d and %q, want %d and one line that begins with %q", tc.args, code, got, tc.code, tc.want)
		}
	}
}
