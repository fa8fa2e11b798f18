package bus

import (
	"strings"
	"testing"
)

// TestNameKey_EveryName_IsOneTokenAndComesBack: no name becomes a wildcard or a second token.
func TestNameKey_EveryName_IsOneTokenAndComesBack(t *testing.T) {
	for _, name := range []string{"a", "*", ">", "a.b", "a b", "$SYS", "ä\x00\xff", strings.Repeat("x", MaxNameBytes)} {
		key, ok := NameKey("peerjs", name)
		if !ok || strings.Count(key, ".") != 1 || strings.ContainsAny(key, "*> $") {
			t.Errorf("%q: got key %q, ok %v, want one with two plain tokens", name, key, ok)
		}
		if ns, back, ok := ParseNameKey(key); !ok || ns != "peerjs" || back != name {
			t.Errorf("%q: got %q in %q, ok %v, want it back", name, back, ns, ok)
		}
	}
}

func TestNameKey_BadNameOrNamespace_IsRefused(t *testing.T) {
	for _, c := range [][2]string{
		{"peerjs", ""}, {"peerjs", strings.Repeat("x", MaxNameBytes+1)}, {"", "a"}, {"Peer", "a"}, {"a.b", "a"},
		{"*", "a"}, {"barrier", "a"}, {strings.Repeat("n", maxNamespaceBytes+1), "a"},
	} {
		if key, ok := NameKey(c[0], c[1]); ok {
			t.Errorf("%q: got key %q, want a refusal", c, key)
		}
	}
	for _, key := range []string{"", "peerjs", "peerjs.", "peerjs.a", "peerjs.YR", "peerjs.YQ==", "barrier.YQ", "peerjs.YQ.YQ"} {
		if ns, name, ok := ParseNameKey(key); ok {
			t.Errorf("%q: got %q in %q, want a refusal", key, name, ns)
		}
	}
}
