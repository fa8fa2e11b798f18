package operators_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// recipes are the languages of the recipes in back-ends.md, by the name of their code block,
// with the file that the recipe becomes and the command that runs it.
var recipes = map[string]struct {
	file    string
	command []string
}{
	"js":     {"token.mjs", []string{"node", "token.mjs"}},
	"python": {"token.py", []string{"python3", "token.py"}},
	"go":     {"token.go", []string{"go", "run", "token.go"}},
	"php":    {"token.php", []string{"php", "token.php"}},
}

var codeBlock = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// TestRecipes_EachLanguage_MakesATokenThatTheGatewayAccepts: the token is Ann's, and is for
// the rooms and grants that the document says. The key file ends with a newline, as most do.
func TestRecipes_EachLanguage_MakesATokenThatTheGatewayAccepts(t *testing.T) {
	b, err := os.ReadFile("../../../gateway/web/docs/back-ends.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := codeBlock.FindAllStringSubmatch(string(b), -1)
	if len(blocks) != len(recipes) {
		t.Fatalf("got %d recipes in back-ends.md, want %d", len(blocks), len(recipes))
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "token.key")
	if err := os.WriteFile(key, []byte("c2VjcmV0IG9mIGEgdGVzdCwgbG9uZyBlbm91Z2g=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Gateway: func(c *gateway.Config) { c.TokenKey = key }})
	for _, block := range blocks {
		t.Run(block[1], func(t *testing.T) {
			recipe := recipes[block[1]]
			if err := os.WriteFile(filepath.Join(dir, recipe.file), []byte(block[2]), 0o600); err != nil {
				t.Fatal(err)
			}
			program, err := exec.LookPath(recipe.command[0])
			if err != nil {
				t.Skipf("%s is not installed, so its recipe cannot run", recipe.command[0])
			}
			cmd := exec.CommandContext(t.Context(), program, recipe.command[1:]...)
			cmd.Dir, cmd.Stderr = dir, os.Stderr
			cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
			token, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			useToken(t, s.URL(0), strings.TrimSpace(string(token)), block[1])
		})
	}
}

// useToken does what Ann's token allows, and what it does not.
func useToken(t *testing.T, url, token, language string) {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URLs: []string{url}, Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatalf("the token is refused: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the gateway may have ended before
	room := proto.RoomID("tea-" + language)
	made, err := c.Create(t.Context(), client.RoomOptions{Room: room})
	if err != nil {
		t.Fatalf("got %v, want room %s", err, room)
	}
	if user := made.Members[c.ID()].User; user != "ann" {
		t.Errorf("got member %q of %+v, want ann", user, made)
	}
	if _, err := c.Create(t.Context(), client.RoomOptions{Room: "milk"}); client.Code(err) != proto.Unauthorised {
		t.Errorf("a room that the token is not for: got %v, want Unauthorised", err)
	}
	if _, err := c.End(t.Context(), room); client.Code(err) != proto.Unauthorised {
		t.Errorf("the end of the room, which the token does not grant: got %v, want Unauthorised", err)
	}
}
