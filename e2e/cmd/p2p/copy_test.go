package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"p2pconnector/e2e/kit"
)

// noise returns n bytes that differ for each seed.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// folder makes files of several sizes, some MiB in all.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, size := range []int{0, 1, 16 << 10, 100_000, 1 << 20, 3<<20 + 7} {
		path := filepath.Join(dir, fmt.Sprintf("deep %d", i%2), fmt.Sprint(size))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, noise(byte(i), size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hashes returns the hashes of all files below dir.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		rel, _ := filepath.Rel(dir, path)
		sums[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// tar c . | p2p call ROOM on one gateway, p2p call ROOM | tar x on the other.
func TestCall_FolderThroughTar_IsCopied(t *testing.T) {
	tar, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("no tar on this machine")
	}
	s := kit.Start(t, kit.Options{})
	from, to := folder(t), t.TempDir()
	pack, unpack := exec.CommandContext(t.Context(), tar, "c", "."), exec.CommandContext(t.Context(), tar, "x")
	pack.Dir, unpack.Dir = from, to
	packed, err := pack.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := unpack.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*exec.Cmd{pack, unpack} {
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	receiver := startWith(t, s, 1, null, unpacked, "call", "folder")
	sender := startWith(t, s, 0, packed, nil, "call", "folder")
	sender.ends(0)
	receiver.ends(0)
	for _, cmd := range []*exec.Cmd{pack, unpack} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", cmd.Args, err)
		}
	}
	if got, want := hashes(t, to), hashes(t, from); !maps.Equal(got, want) || len(got) != 6 {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// Both sides send at once, different amounts: also a file of known size, and
// nothing.
func TestCall_BothSidesSend_BothReceiveAll(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for _, sizes := range [][2]int{{300_000, 1<<20 + 3}, {0, 100_001}, {0, 0}, {1, 70_000}} {
		a, b := noise(1, sizes[0]), noise(2, sizes[1])
		path := filepath.Join(t.TempDir(), "b")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		room := fmt.Sprint(sizes)
		var atA, atB sink
		pa := startWith(t, s, 0, bytes.NewReader(a), &atA, "call", room)
		pb := startWith(t, s, 1, file, &atB, "call", room)
		pa.ends(0)
		pb.ends(0)
		file.Close()
		if !bytes.Equal(atA.Bytes(), b) || !bytes.Equal(atB.Bytes(), a) {
			t.Errorf("%v: %d and %d bytes arrived, or others", sizes, atA.Len(), atB.Len())
		}
	}
}

// sink stores what is written to it.
type sink struct{ bytes.Buffer }

func (*sink) Close() error { return nil }

// A slow reader holds the sender back: the data in transit stays within a
// bound.
func TestCall_SlowReader_BoundsMemory(t *testing.T) {
	const (
		all   = 2 * windowBytes
		bound = windowBytes + 4*readBytes // plus the contents of the test's pipes
	)
	s := kit.Start(t, kit.Options{})
	receiver := start(t, s, 1, "call", "--receive", "bounded")
	source := &metered{r: io.LimitReader(rand.NewChaCha8([32]byte{7}), all)}
	sender := startWith(t, s, 0, source, nil, "call", "bounded")
	hash := sha256.New()
	for read := int64(0); read < all; {
		n, err := io.CopyN(hash, receiver.stdout, windowBytes/4)
		if read += n; err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
		if ahead := source.read.Load() - read; ahead > bound {
			t.Fatalf("the sender is %d bytes ahead", ahead)
		}
	}
	sender.ends(0)
	receiver.ends(0)
	if want := sha256.Sum256(noise(7, all)); !bytes.Equal(hash.Sum(nil), want[:]) {
		t.Error("other bytes arrived")
	}
}
