package browser

import (
	"bufio"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var urlRE = regexp.MustCompile(`https?://[^\s]+`)

// program builds and runs a program of this module until the test ends, and
// returns the URL that it prints.
func program(t *testing.T, pkg string, args ...string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", bin, pkg).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Errorf("ending %s: %v", pkg, err)
		}
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }) // it may end at this moment
		_, _ = io.Copy(io.Discard, lines)                                         // until the program closes its output
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: got its end with %v, want none", pkg, err)
		}
		late.Stop()
	})
	line, err := lines.ReadString('\n')
	url := urlRE.FindString(line)
	if err != nil || url == "" {
		t.Fatalf("%s: got first line %q, %v, want a URL in it", pkg, line, err)
	}
	return url
}

// TestReadme_TabsProgram_Connects opens README's page, unchanged, from a file in two tabs
// against the standalone program: a data channel opens.
func TestReadme_TabsProgram_Connects(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```html\n")
	page, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		t.Fatal("got no ```html block in README.md, want one")
	}
	twoTabs(t, page)
}

// TestExampleTabs_TwoTabs_Connect does the same with the page in e2e/examples/tabs.
func TestExampleTabs_TwoTabs_Connect(t *testing.T) {
	page, err := os.ReadFile("../../examples/tabs/index.html")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "\n"); n > 20 {
		t.Errorf("got an example of %d lines, want the 20 that are promised", n)
	}
	twoTabs(t, string(page))
}

func twoTabs(t *testing.T, page string) {
	t.Helper()
	b := startBrowser(t)
	url := program(t, "p2pconnector/e2e/standalone", "--listen", "localhost:0")
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	if !strings.Contains(page, "localhost:8080") {
		t.Fatal("got a page without localhost:8080, want it there: the standalone program listens on it")
	}
	path := filepath.Join(t.TempDir(), "tabs.html")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(page, "localhost:8080", host)), 0o600); err != nil {
		t.Fatal(err)
	}
	one := b.open(t, "first tab", "file://"+path)
	one.until("it waits", `document.title === "waiting"`)
	two := b.open(t, "second tab", "file://"+path)
	for _, p := range []*tab{one, two} {
		p.until("the data channel is open", `document.title === "open"`)
		p.until("the other's greeting came", `document.body.innerText.includes("hello from ")`)
	}
}

// TestPage_Examples_AreThoseOfTheRepository compares the code on the page at / with the examples
// that the tests run.
func TestPage_Examples_AreThoseOfTheRepository(t *testing.T) {
	s := pages(t)
	r, err := s.Client().Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chat", "videocall"} {
		example, err := os.ReadFile(filepath.Join("../../examples", name, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		_, script, _ := strings.Cut(string(example), "<script type=\"module\">\n")
		script, _, _ = strings.Cut(script, "</script>")
		if script == "" || !strings.Contains(html.UnescapeString(string(b)), script) {
			t.Errorf("got a page without the script of e2e/examples/%s, want it there", name)
		}
	}
}
