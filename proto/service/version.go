package service

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
)

// Build names the source that a program was made from. The linker sets its fields in releases;
// what it leaves empty comes from the build information of Go.
type Build struct {
	Version, Commit string
}

// Known returns b with its empty fields filled in, as far as Go knows them.
func (b Build) Known() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	return b.knownFrom(info)
}

func (b Build) knownFrom(info *debug.BuildInfo) Build {
	setting := make(map[string]string)
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	commit := setting["vcs.revision"]
	if commit != "" && setting["vcs.modified"] == "true" {
		commit += " with changes"
	}
	version := info.Main.Version
	if version == "(devel)" {
		version = ""
	}
	return Build{Version: cmp.Or(b.Version, version, "dev"), Commit: cmp.Or(b.Commit, commit)}
}

// PrintVersion prints the version of a program when args ask for it with --version, and reports
// whether they do.
func PrintVersion(w io.Writer, program string, b Build, args []string) bool {
	if len(args) == 0 || !slices.Contains([]string{"--version", "-version", "version"}, args[0]) {
		return false
	}
	b = b.Known()
	fmt.Fprintf(w, "%s %s, commit %s\n", program, b.Version, cmp.Or(b.Commit, "not known"))
	return true
}
