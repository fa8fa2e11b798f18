package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"sync"
)

// guides are the files of the folder docs, in the order in which the pages list them.
var guides = []struct {
	title string
	files []string
}{
	{"", []string{"README"}}, // the page at /docs
	{"Build with it", []string{"protocol", "javascript", "javascript-reference", "go", "command-line", "peerjs", "yjs", "trystero", "webtorrent"}},
	{"Run it", []string{"running", "settings", "operating", "metrics", "security", "performance", "scale", "back-ends"}},
}

// document is one of these files, rendered.
type document struct {
	rendered
	path string // at which it is served
}

// documentData is what the template of a document gets.
type documentData struct {
	Title, About string
	Body         template.HTML
	Contents     []link // the sections of the page
	Guides       []guide
}

type guide struct {
	Title string
	Pages []link
}

// link leads to a page, or to a section of the page that shows it.
type link struct {
	Title, Path string
	Current     bool // it leads to the page that shows it
}

// entry is one thing that the search of the pages finds.
type entry struct {
	Page  string `json:"page"`  // the title of the document, with the section of a row
	Title string `json:"title"` // of the section, or the first cell of a row
	Path  string `json:"path"`
	Text  string `json:"text"`
}

// documents returns the pages below /docs, and the index that they search, by path. They
// are the same for every handler, so they are made once. It panics on a document that
// cannot be rendered, which the tests would have seen.
var documents = sync.OnceValue(func() map[string]asset {
	docs := renderAll()
	layout := template.Must(template.ParseFS(embedded, "templates/document.html"))
	files := map[string]asset{}
	index := []entry{}
	for _, g := range guides {
		for _, name := range g.files {
			doc := docs[name]
			var b bytes.Buffer
			if err := layout.Execute(&b, data(doc, docs)); err != nil {
				panic(fmt.Errorf("web: document %s: %w", name, err))
			}
			files[doc.path] = newAsset(b.Bytes(), kinds[".html"])
			index = append(index, entries(doc)...)
		}
	}
	files["/docs/"] = files["/docs"]
	b, err := json.Marshal(index)
	if err != nil {
		panic(fmt.Errorf("web: index of the documents: %w", err))
	}
	files["/docs/index.json"] = newAsset(b, kinds[".json"])
	return files
})

// renderAll renders every document, by the name of its file.
func renderAll() map[string]document {
	served := map[string]string{}
	for _, name := range list(".") {
		if strings.HasPrefix(name, "connector") {
			served[name] = "/" + name
		}
	}
	for _, g := range guides {
		for _, name := range g.files {
			served["docs/"+name+".md"] = "/docs/" + name
		}
	}
	served["docs/README.md"] = "/docs"
	docs := map[string]document{}
	for _, g := range guides {
		for _, name := range g.files {
			file := "docs/" + name + ".md"
			source, err := embedded.ReadFile(file)
			if err != nil {
				panic(fmt.Errorf("web: document: %w", err))
			}
			r, err := render(file, source, served)
			if err != nil {
				panic(fmt.Errorf("web: document: %w", err))
			}
			docs[name] = document{r, served[file]}
		}
	}
	return docs
}

// data is what the template needs to show doc among docs.
func data(doc document, docs map[string]document) documentData {
	d := documentData{Title: doc.title(), About: doc.about, Body: template.HTML(doc.html)} // of our own Markdown
	for _, s := range doc.sections {
		if s.level == 2 && doc.path != "/docs" { // whose sections are the groups of the guides
			d.Contents = append(d.Contents, link{Title: s.title, Path: "#" + s.anchor})
		}
	}
	for _, g := range guides {
		listed := guide{Title: g.title}
		for _, name := range g.files {
			to := docs[name]
			listed.Pages = append(listed.Pages, link{to.title(), to.path, to.path == doc.path})
		}
		d.Guides = append(d.Guides, listed)
	}
	return d
}

// entries are what the search finds in doc.
func entries(doc document) []entry {
	var all []entry
	for _, s := range doc.sections {
		at := doc.path
		if s.level != 1 {
			at += "#" + s.anchor
		}
		page := doc.title()
		if s.in != "" && s.in != page {
			page += ", " + s.in
		}
		all = append(all, entry{page, s.title, at, s.text})
	}
	return all
}
