package web

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown reads CommonMark with tables and writes the HTML of the pages.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(pageRenderer{}, 1))),
)

// nameChars is how long the code in the first cell of a row may be to stay on one line.
const nameChars = 44

// rendered is a Markdown file as HTML.
type rendered struct {
	html     []byte
	about    string // the first paragraph
	sections []section
}

// section is what a search finds: a heading with the text below it, or a row of a table.
type section struct {
	level  int    // of the heading; 0 for a row
	title  string // of the heading, or the first cell of the row
	anchor string // its id in the page
	in     string // of a row: the heading above its table
	text   string
}

// title returns the first heading.
func (r *rendered) title() string {
	if len(r.sections) == 0 {
		return ""
	}
	return r.sections[0].title
}

// render renders the Markdown file called name. served maps the embedded files that
// have an address to that address; a link to any other file becomes plain text, since
// only the repository has that file.
func render(name string, source []byte, served map[string]string) (rendered, error) {
	doc := markdown.Parser().Parse(text.NewReader(source))
	if err := resolveLinks(doc, path.Dir(name), served); err != nil {
		return rendered{}, fmt.Errorf("%s: %w", name, err)
	}
	s := scanner{source: source, slugs: map[string]int{}}
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		s.block(n)
	}
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, source, doc); err != nil {
		return rendered{}, fmt.Errorf("%s: %w", name, err)
	}
	s.out.html = b.Bytes()
	return s.out, nil
}

// resolveLinks turns the links of a file in folder into links between pages.
func resolveLinks(doc ast.Node, folder string, served map[string]string) error {
	var unserved []*ast.Link
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		file, anchor, hasAnchor := strings.Cut(string(link.Destination), "#")
		if file == "" || strings.Contains(file, "://") {
			return ast.WalkContinue, nil
		}
		page, ok := served[path.Join(folder, file)]
		if !ok {
			unserved = append(unserved, link)
			return ast.WalkContinue, nil
		}
		if hasAnchor {
			page += "#" + anchor
		}
		link.Destination = []byte(page)
		return ast.WalkContinue, nil
	})
	for _, link := range unserved {
		parent := link.Parent()
		for link.HasChildren() {
			parent.InsertBefore(parent, link, link.FirstChild())
		}
		parent.RemoveChild(parent, link)
	}
	return err
}

// scanner goes through the blocks of a document before they are rendered: it collects
// the sections and gives headings and rows their ids.
type scanner struct {
	out    rendered
	source []byte
	slugs  map[string]int // how often each id was asked for
	head   int            // index in out.sections of the newest heading
}

func (s *scanner) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		title := plain(n, s.source)
		id := s.id(slugOf(title))
		n.SetAttributeString("id", []byte(id))
		s.head = len(s.out.sections)
		s.out.sections = append(s.out.sections, section{level: n.Level, title: title, anchor: id})
	case *tables.Table:
		s.table(n)
	case *ast.HTMLBlock: // a comment
	default:
		t := plain(n, s.source)
		if n.Kind() == ast.KindParagraph && s.out.about == "" {
			s.out.about = t
		}
		s.add(t)
	}
}

// add adds text to the section of the newest heading.
func (s *scanner) add(t string) {
	if len(s.out.sections) > 0 {
		head := &s.out.sections[s.head]
		head.text = strings.TrimSpace(head.text + " " + t)
	}
}

// table makes each row whose first cell is code a section of its own, so that a setting
// or a metric is found by its name, and labels the cells with the head of their column.
func (s *scanner) table(t *tables.Table) {
	var labels []string
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if len(cells) < len(labels) {
				cell.SetAttributeString("data-label", []byte(labels[len(cells)]))
			}
			cells = append(cells, plain(cell, s.source))
		}
		switch first := row.FirstChild().FirstChild(); {
		case row.Kind() == tables.KindTableHeader:
			labels = cells
		case first != nil && first.Kind() == ast.KindCodeSpan && len(s.out.sections) > 0:
			if len(cells[0]) <= nameChars {
				row.FirstChild().SetAttributeString("class", []byte("name"))
			}
			id := s.id(s.out.sections[s.head].anchor + "-" + strings.Trim(slugOf(cells[0]), "-"))
			row.SetAttributeString("id", []byte(id))
			s.out.sections = append(s.out.sections, section{title: cells[0], anchor: id, in: s.out.sections[s.head].title, text: strings.Join(cells[1:], " ")})
		default:
			s.add(strings.Join(cells, " "))
		}
	}
	if len(s.out.sections) > 0 {
		t.SetAttributeString("aria-labelledby", []byte(s.out.sections[s.head].anchor))
	}
}

// id makes slug unique in the document.
func (s *scanner) id(slug string) string {
	n := s.slugs[slug]
	s.slugs[slug]++
	if n > 0 {
		return fmt.Sprintf("%s-%d", slug, n)
	}
	return slug
}

// slugOf makes the id of a heading as repository viewers do, so that one link leads to
// the section in both places.
func slugOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// plain returns the text of a node, without markup and with single spaces.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // fails only when the function does
		if !entering {
			if n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			value := n.Segment.Value(source)
			if !n.IsRaw() {
				value = util.UnescapePunctuations(value)
			}
			b.Write(value)
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			b.Write(n.Lines().Value(source))
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(b.String()), " ")
}
