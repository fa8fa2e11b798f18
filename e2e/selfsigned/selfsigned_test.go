package selfsigned

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad_AnyMachine_CoversItsNamesAndAddresses(t *testing.T) {
	pair, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := Hosts()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if err := pair.Leaf.VerifyHostname(h); err != nil {
			t.Errorf("%s: got %v, want it covered", h, err)
		}
	}
	if got := pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore).Hours() / 24; got > 398 {
		t.Errorf("valid for %.0f days, want 398 at most", got)
	}
}

func TestLoad_WithFolder_KeepsTheCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var prints []string
	for range 2 {
		pair, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		prints = append(prints, Fingerprint(pair))
	}
	if prints[0] != prints[1] {
		t.Errorf("got %q, want the same certificate twice", prints)
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want mode 0600", info, err)
	}
}

func TestLoad_AnotherName_MakesAnotherCertificate(t *testing.T) {
	dir := t.TempDir()
	text, old, err := create([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if err := write(filepath.Join(dir, fileName), text); err != nil {
		t.Fatal(err)
	}
	pair, err := Load(dir)
	if err != nil || Fingerprint(pair) == Fingerprint(old) {
		t.Errorf("got the old certificate, %v; want one for all names and addresses", err)
	}
}

func TestLoad_DamagedFile_NamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}
