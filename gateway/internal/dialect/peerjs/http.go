package peerjs

import (
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// about is what PeerServer answers at its root.
const about = `{"name":"PeerJS Server","description":"A server side element to broker connections between PeerJS clients.","website":"https://peerjs.com/"}`

// ServeHTTP implements dialect.Dialect: it draws ids, lists them if it may, and describes
// itself. A page that may not connect gets the answers without the header that lets it read
// them.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, allowed bool) bool {
	var serve func(http.ResponseWriter)
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/"+d.cfg.Key+"/id"):
		serve = serveID
	case strings.HasSuffix(path, "/"+d.cfg.Key+"/peers"):
		serve = d.servePeers
	case path == "/peerjs", path == "/peerjs/": // not below other paths: /docs/peerjs is a document
		serve = serveAbout
	default:
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Cache-Control", "no-store")
	if origin := r.Header.Get("Origin"); origin != "" && allowed {
		h.Set("Access-Control-Allow-Origin", origin)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		serve(w)
	case http.MethodOptions: // a page asks before a request that is not simple
		h.Set("Access-Control-Allow-Methods", "GET,HEAD")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
	return true
}

// serveID answers with a fresh id: the client takes the whole body for it.
func serveID(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, uuid.NewString()) // an error is one of the network
}

// servePeers answers with the ids of all clients, of any gateway.
func (d *Dialect) servePeers(w http.ResponseWriter) {
	if !d.cfg.Discovery {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	known, err := d.cfg.Names.List()
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	ids := make([]string, len(known))
	for i, id := range known {
		ids[i] = quote(id)
	}
	_, _ = io.WriteString(w, "["+strings.Join(ids, ",")+"]") // an error is one of the network
}

func serveAbout(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = io.WriteString(w, about)
}
