package web

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/javascript-reference.md")

const referenceHead = `# JavaScript reference

Every name that ` + "`connector.js`" + ` and the package ` + "`peer2peer-connector`" + ` export, with its types, made from
[` + "`connector.d.ts`" + `](../connector.d.ts). The [JavaScript API](javascript.md) explains how to use them.
`

var declaration = regexp.MustCompile(`(?m)^export (?:type|interface|class|function) (\w+)`)

// reference makes the document from the types. Each declaration is a section; the members of
// one that has several lines are a table.
func reference(types string) string {
	var out strings.Builder
	out.WriteString(referenceHead)
	var comment, code string
	about := "" // the comment of the declaration
	depth, rows := 0, ""
	for line := range strings.Lines(types) {
		text := strings.TrimSpace(line)
		switch {
		case code == "" && strings.HasPrefix(text, "/**"), comment != "" && !strings.HasSuffix(comment, "*/"):
			comment += " " + text
			continue
		case code == "" && (text == "" || strings.HasPrefix(text, "//")):
			continue
		}
		if depth == 0 && code == "" {
			about, comment = commentText(comment), ""
		}
		if depth == 1 && code == "" && text == "}" {
			out.WriteString("\n| member | what |\n|---|---|\n" + rows)
			depth, rows = 0, ""
			continue
		}
		if strings.HasPrefix(text, "/**") {
			continue // about a member of a member
		}
		code = strings.TrimSpace(code + " " + text)
		open := strings.Count(code, "{") - strings.Count(code, "}")
		switch name := declaration.FindStringSubmatch(code); {
		case depth == 0 && open == 1 && strings.HasSuffix(code, "{"):
			out.WriteString(declared(name[1], about, strings.TrimSuffix(code, " {")))
			depth = 1
		case open != 0 || !strings.HasSuffix(code, ";") && !strings.HasSuffix(code, "}"):
			continue // it goes on
		case depth == 0:
			out.WriteString(declared(name[1], about, code))
		default:
			rows += "| `" + strings.ReplaceAll(strings.TrimSuffix(code, ";"), "|", `\|`) + "` | " + commentText(comment) + " |\n"
			comment = ""
		}
		code = ""
	}
	return out.String()
}

// declared returns the head of a declaration's section.
func declared(name, about, code string) string {
	text := "\n## " + name + "\n"
	if about != "" {
		text += "\n" + about + "\n"
	}
	return text + "\n```ts\n" + strings.Replace(strings.TrimPrefix(code, "export "), "= | ", "= ", 1) + "\n```\n"
}

// commentText returns the text of a comment.
func commentText(comment string) string {
	for _, mark := range []string{"/**", "*/", " * "} {
		comment = strings.ReplaceAll(comment, mark, " ")
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(comment), " "), "|", `\|`)
}

// TestReference_Document_IsThatOfTheTypes compares the document with the types that gateways
// and the package hand out. Run with -update it writes the document.
func TestReference_Document_IsThatOfTheTypes(t *testing.T) {
	types := string(assets(Options{})["/connector.d.ts"].body)
	want := reference(types)
	if *update {
		if err := os.WriteFile("docs/javascript-reference.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("docs/javascript-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/javascript-reference.md: got another document, want what connector.d.ts makes; run go test ./gateway/web -run Reference -update")
	}
	for _, name := range declaration.FindAllStringSubmatch("\n"+types, -1) {
		if !strings.Contains(want, "\n## "+name[1]+"\n") {
			t.Errorf("got no section of %s, want one", name[1])
		}
	}
	for _, of := range []string{"Connector", "ConnectorEvents", "ConnectOptions", "Room", "RoomEvents", "Peer", "PeerEvents"} {
		table := between(want, "\n## "+of+"\n", "\n## ")
		if strings.Contains(table, "` |  |") || strings.Count(table, "\n| `") < 5 {
			t.Errorf("%s: got a member without a comment, or fewer than 5 members, want comments on all\n%s", of, table)
		}
	}
}
