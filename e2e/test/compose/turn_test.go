package compose_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// turnOptions returns the options of gateway/turnserver.conf, each with its values.
func turnOptions(t *testing.T) map[string][]string {
	t.Helper()
	options := make(map[string][]string)
	for line := range strings.Lines(read(t, "gateway/turnserver.conf")) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		options[name] = append(options[name], value)
	}
	return options
}

// TestTURN_Options_BoundWhatClientsUse: quotas and bandwidth are limited, and fit the range
// of ports: each relay has a port and a share of the bandwidth.
func TestTURN_Options_BoundWhatClientsUse(t *testing.T) {
	options := turnOptions(t)
	number := func(name string) int {
		t.Helper()
		values := options[name]
		if len(values) != 1 {
			t.Fatalf("%s: got values %q, want one", name, values)
		}
		n, err := strconv.Atoi(values[0])
		if err != nil || n < 1 {
			t.Fatalf("%s: got %q, want a number above 0", name, values[0])
		}
		return n
	}
	user, total := number("user-quota"), number("total-quota")
	if ports := number("max-port") - number("min-port") + 1; user >= total || total > ports {
		t.Errorf("got quotas of %d for a user and %d in all, want less than all for a user, and at most the %d ports in all", user, total, ports)
	}
	if one, all := number("max-bps"), number("bps-capacity"); all != one*total {
		t.Errorf("got %d bytes a second in all, want those of %d relays of %d", all, total, one)
	}
	for _, name := range []string{"use-auth-secret", "no-cli", "no-multicast-peers", "no-tcp-relay", "stale-nonce"} {
		if len(options[name]) != 1 {
			t.Errorf("%s: got it %d times, want once", name, len(options[name]))
		}
	}
	for _, name := range []string{"static-auth-secret", "allow-loopback-peers", "no-auth", "server-relay"} {
		if len(options[name]) != 0 {
			t.Errorf("%s: got it in the file, want it not there", name)
		}
	}
	service := between(t, read(t, "docker-compose.yml"), "\n  coturn:\n", "\n\n")
	for _, want := range []string{"./gateway/turnserver.conf:/etc/coturn/turnserver.conf:ro", "-c /etc/coturn/turnserver.conf", "--static-auth-secret=", options["min-port"][0] + "-" + options["max-port"][0] + ":"} {
		if !strings.Contains(service, want) {
			t.Errorf("docker-compose.yml: got no %q in coturn, want it there", want)
		}
	}
}

// TestTURN_DeniedPeers_CoverWhatTheInternetDoesNotRoute: the first and last addresses of
// each special range, and public addresses beside them.
func TestTURN_DeniedPeers_CoverWhatTheInternetDoesNotRoute(t *testing.T) {
	type ipRange struct{ from, to netip.Addr }
	var ranges []ipRange
	for _, text := range turnOptions(t)["denied-peer-ip"] {
		from, to, _ := strings.Cut(text, "-")
		r := ipRange{netip.MustParseAddr(from), netip.MustParseAddr(to)}
		if r.from.Compare(r.to) > 0 || r.from.Is4() != r.to.Is4() {
			t.Errorf("denied-peer-ip=%s: got a range that holds nothing, want one from low to high", text)
		}
		if r.from == netip.IPv6Unspecified() {
			t.Errorf("denied-peer-ip=%s: got a range from ::, want none: coturn would deny all of IPv4", text)
		}
		ranges = append(ranges, r)
	}
	denied := func(a netip.Addr) bool {
		for _, r := range ranges {
			if r.from.BitLen() == a.BitLen() && r.from.Compare(a) <= 0 && a.Compare(r.to) <= 0 {
				return true
			}
		}
		return false
	}
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
		"198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
		"::1/128", "::2/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16",
		"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	} {
		p := netip.MustParsePrefix(text)
		if first, last := p.Addr(), lastOf(p); !denied(first) || !denied(last) {
			t.Errorf("%s: got denied %v and %v for its first and last address, want both denied", text, denied(first), denied(last))
		}
	}
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
		"2001:200::1", "2003::1", "2606:4700::1111", "2a00:1450::1",
	} {
		if denied(netip.MustParseAddr(text)) {
			t.Errorf("%s: got denied, want it allowed: it is public", text)
		}
	}
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
