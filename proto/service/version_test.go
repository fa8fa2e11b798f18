package service

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestBuild_EachSource_GivesVersionAndCommit: what the linker set comes first, then what Go
// recorded.
func TestBuild_EachSource_GivesVersionAndCommit(t *testing.T) {
	info := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision, changed := debug.BuildSetting{Key: "vcs.revision", Value: "abc"}, debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, c := range []struct {
		name        string
		given, want Build
		info        *debug.BuildInfo
	}{
		{"linker", Build{"v1", "def"}, Build{"v1", "def"}, info("v2", revision)},
		{"Go", Build{}, Build{"v2", "abc"}, info("v2", revision)},
		{"changed files", Build{}, Build{"v2", "abc with changes"}, info("v2", revision, changed)},
		{"nothing", Build{}, Build{"dev", ""}, info("(devel)", changed)},
	} {
		if got := c.given.knownFrom(c.info); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPrintVersion_OnlyWhenAsked_Prints(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"token", "--version"}} {
		var out strings.Builder
		if PrintVersion(&out, "x", Build{}, args) || out.Len() > 0 {
			t.Errorf("%q: got %q, want nothing", args, out.String())
		}
	}
	var out strings.Builder
	if !PrintVersion(&out, "gateway", Build{"v1", "abc"}, []string{"--version"}) || out.String() != "gateway v1, commit abc\n" {
		t.Errorf("got %q, want the version and the commit", out.String())
	}
}
