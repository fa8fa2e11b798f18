// Package web is what a person sees of a gateway: the page at /, the documents
// below /docs, the demo at /demo, and connector.js, the client for browsers.
// Everything is embedded; the pages ask nobody but this server for anything.
//
// The page's reference of the protocol is made from the tables of package proto,
// so that it cannot say something else than the code does. The documents are the
// Markdown files in the folder docs, whose links work in the repository too.
package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"p2pconnector/proto"
)

// Options says what Handler serves.
type Options struct {
	// Status is asked for each /status.json, at the same time by several
	// goroutines; nil serves a zero Status.
	Status func() Status
	// Limits returns those that the page names; zero fields mean proto's defaults, and
	// MessagesPerSecond 0 means no limit. It is asked for each page, at the same time by
	// several goroutines; nil names the defaults.
	Limits func() proto.Limits
	// Grace returns how long a session can be resumed; it is called as Limits is, and nil
	// means proto.SessionGrace.
	Grace func() time.Duration
	// Open says on the page that anybody may connect: the gateway stands in a public network,
	// asks for no tokens, and its operator has not chosen the pages.
	Open bool
	// Version and Commit say on the page what runs here; "" is left out.
	Version, Commit string
	// Off turns the page, the documents, the demo and /status.json off: / answers a
	// short plain text. connector.js stays, because applications load it from here.
	Off bool
}

// Status is what /status.json tells: how this gateway is now. Anybody may read it, so it
// holds what changes while a page is open and no more: no age, which
// would tell when the last upgrade was.
type Status struct {
	Gateway     string `json:"gateway"`     // its id
	Connections int    `json:"connections"` // open WebSockets here
	Rooms       int    `json:"rooms"`       // with a member here
	Ready       bool   `json:"ready"`       // connected to the bus and serving
	Draining    bool   `json:"draining"`    // going away
}

// offText is what / says when the page is turned off.
const offText = "Peer2Peer Connector: open a WebSocket here. The page is turned off.\n"

// Handler serves the pages and connector.js; mount it at / behind the WebSocket
// upgrade. It may be used by several goroutines. It answers 404 to other paths
// and 405 to methods other than GET and HEAD.
func Handler(o Options) http.Handler {
	o = o.withDefaults()
	return &handler{opts: o, files: assets(o), missing: missing(), front: front{opts: o}}
}

func (o Options) withDefaults() Options {
	if o.Status == nil {
		o.Status = func() Status { return Status{} }
	}
	if o.Limits == nil {
		o.Limits = func() proto.Limits { return proto.Limits{} }
	}
	if o.Grace == nil {
		o.Grace = func() time.Duration { return proto.SessionGrace }
	}
	return o
}

type handler struct {
	opts  Options
	files map[string]asset // by path; never written after Handler
	// missing is the page for a path where nothing is.
	missing []byte
	front   front
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This path answers GET and HEAD. Frames go over a WebSocket on /.", http.StatusMethodNotAllowed)
		return
	}
	path := r.URL.Path
	if path == "/status.json" && !h.opts.Off {
		h.serveStatus(w)
		return
	}
	f, ok := h.files[path]
	if path == "/" && !h.opts.Off {
		f = h.front.page(h.opts.Limits(), h.opts.Grace())
	}
	switch {
	case ok:
		f.serve(w, r)
	case path == "/demo/" && !h.opts.Off:
		r.URL.Path = "/demo" // with the query, and the browser keeps the room after the #
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusPermanentRedirect)
	default:
		h.notFound(w, r)
	}
}

// notFound answers a page to a person and one line to a program.
func (h *handler) notFound(w http.ResponseWriter, r *http.Request) {
	if h.opts.Off || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "There is nothing here. The page is at /, the documents are at /docs, the demo at /demo, the client at /connector.js.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kinds[".html"])
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusNotFound)
	w.Write(h.missing)
}

func (h *handler) serveStatus(w http.ResponseWriter) {
	b, err := json.Marshal(h.opts.Status())
	if err != nil { // a year beyond 9999: the host's clock is broken
		http.Error(w, "The status cannot be told now.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(append(b, '\n'))
}

// asset is one file as it goes out.
type asset struct {
	body []byte
	kind string // Content-Type
	etag string
	open bool // may be loaded by pages of other origins
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", a.kind)
	head.Set("ETag", a.etag)
	head.Set("Cache-Control", "no-cache") // kept, but asked about: an upgraded gateway is seen at once
	if a.open {
		head.Set("Access-Control-Allow-Origin", "*")
		head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

// setHeaders sets what every answer carries.
func setHeaders(head http.Header, r *http.Request) {
	head.Set("Content-Security-Policy", policy(r.Host))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()")
}

// policy is the Content-Security-Policy for a page asked for under host. Besides
// its own origin a page may open WebSockets to other ports of the same host, for
// several gateways on one machine (/demo?ports=8080,8081).
func policy(host string) string {
	connect := "'self'"
	if name := hostName(host); name != "" {
		connect += " ws://" + name + ":* wss://" + name + ":*"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
		"connect-src " + connect + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// hostName returns the name in a Host header when it may stand in a header of
// ours, else "".
func hostName(host string) string {
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name = host[:i]
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
		default:
			return "" // an IPv6 address too: policies cannot name those with a port
		}
	}
	return name
}
