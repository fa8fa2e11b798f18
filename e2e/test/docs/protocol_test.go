package docs

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"p2pconnector/proto"
)

// TestProtocol_Document_IsTheSpecification compares protocol.md with the tables of package proto and with its
// comment, which is the specification. After a change: go test ./e2e/test/docs -run Protocol -update
func TestProtocol_Document_IsTheSpecification(t *testing.T) {
	holdPart(t, "protocol.md", "events: client", clientEvents())
	holdPart(t, "protocol.md", "events: server", serverEvents())
	holdPart(t, "protocol.md", "specification", specification(t))
}

func clientEvents() string {
	var b strings.Builder
	b.WriteString("| event | needs | what happens | errors of its own |\n|---|---|---|---|\n")
	for _, d := range proto.ClientEvents {
		codes := make([]string, len(d.Errors))
		for i, code := range d.Errors {
			codes[i] = "`" + string(code) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Event, cell(d.Needs), cell(d.Effect), strings.Join(codes, ", "))
	}
	return b.String()
}

func serverEvents() string {
	var b strings.Builder
	b.WriteString("| event | type | what it says |\n|---|---|---|\n")
	for _, d := range proto.ServerEvents {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Event, d.Type, cell(d.Effect))
	}
	return b.String()
}

// specification returns the comment of package proto as Markdown, without its first
// paragraph, which introduces the package.
func specification(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"doc.go", "doc_rooms.go", "doc_sessions.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), "../../../proto/"+name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(f.Doc.Text() + "\n")
	}
	doc := new(comment.Parser).Parse(text.String())
	if len(doc.Content) < 50 {
		t.Fatalf("the specification has %d paragraphs, want 50 or more", len(doc.Content))
	}
	doc.Content = doc.Content[1:]
	printer := comment.Printer{HeadingLevel: 2, HeadingID: func(*comment.Heading) string { return "" }}
	return codeSpan.ReplaceAllStringFunc(unescape.Replace(string(printer.Markdown(doc))), func(span string) string {
		return strings.ReplaceAll(span, `\`, "")
	})
}

// The printer escapes characters that the comment uses literally: code in
// backticks, and names with underscores.
var (
	unescape = strings.NewReplacer("\\`", "`", `\_`, "_")
	codeSpan = regexp.MustCompile("`[^`\n]+`")
)
