package web

import (
	"fmt"
	"html"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// pageRenderer writes those nodes that the pages show in a way of their own: headings
// with a link to themselves, tables that become lists on a narrow screen, code that can
// be scrolled by keyboard, and no comments.
type pageRenderer struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (pageRenderer) RegisterFuncs(to renderer.NodeRendererFuncRegisterer) {
	to.Register(ast.KindHeading, heading)
	to.Register(ast.KindCodeBlock, code)
	to.Register(ast.KindFencedCodeBlock, code)
	to.Register(ast.KindHTMLBlock, nothing)
	to.Register(ast.KindRawHTML, nothing)
	to.Register(tables.KindTable, table)
	to.Register(tables.KindTableHeader, tableHeader)
	to.Register(tables.KindTableRow, tableRow)
	to.Register(tables.KindTableCell, tableCell)
}

// attr returns what the scanner has noted on a node, escaped.
func attr(n ast.Node, name string) string {
	v, _ := n.AttributeString(name)
	b, _ := v.([]byte)
	return html.EscapeString(string(b))
}

func heading(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	level := n.(*ast.Heading).Level
	switch id := attr(n, "id"); {
	case entering:
		fmt.Fprintf(w, `<h%d id="%s">`, level, id)
	case level == 1:
		fmt.Fprintf(w, "</h%d>\n", level)
	default:
		label := html.EscapeString(plain(n, source))
		fmt.Fprintf(w, ` <a class="anchor" href="#%s" aria-label="Link to the section %s">#</a></h%d>`+"\n", id, label, level)
	}
	return ast.WalkContinue, nil
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		fmt.Fprintf(w, `<figure class="code"><pre tabindex="0"><code>%s</code></pre></figure>`+"\n", html.EscapeString(string(n.Lines().Value(source))))
	}
	return ast.WalkSkipChildren, nil
}

func nothing(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
	return ast.WalkSkipChildren, nil
}

func table(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		fmt.Fprintf(w, `<div class="table" role="region" aria-labelledby="%s" tabindex="0"><table class="stack">`+"\n", attr(n, "aria-labelledby"))
	} else {
		fmt.Fprint(w, "</table></div>\n")
	}
	return ast.WalkContinue, nil
}

func tableHeader(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	switch {
	case entering:
		fmt.Fprint(w, "<thead><tr>")
	case n.NextSibling() != nil:
		fmt.Fprint(w, "</tr></thead>\n<tbody>\n")
	default:
		fmt.Fprint(w, "</tr></thead>\n")
	}
	return ast.WalkContinue, nil
}

func tableRow(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	switch id := attr(n, "id"); {
	case entering && id != "":
		fmt.Fprintf(w, `<tr id="%s">`, id)
	case entering:
		fmt.Fprint(w, "<tr>")
	case n.NextSibling() != nil:
		fmt.Fprint(w, "</tr>\n")
	default:
		fmt.Fprint(w, "</tr>\n</tbody>\n")
	}
	return ast.WalkContinue, nil
}

func tableCell(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	header := n.Parent().Kind() == tables.KindTableHeader
	switch first := n.PreviousSibling() == nil; {
	case entering && header:
		fmt.Fprint(w, `<th scope="col">`)
	case entering && first && attr(n, "class") != "":
		fmt.Fprintf(w, `<th scope="row" class="%s">`, attr(n, "class"))
	case entering && first:
		fmt.Fprint(w, `<th scope="row">`)
	case entering:
		fmt.Fprintf(w, `<td data-label="%s">`, attr(n, "data-label"))
	case header || first:
		fmt.Fprint(w, "</th>")
	default:
		fmt.Fprint(w, "</td>")
	}
	return ast.WalkContinue, nil
}
