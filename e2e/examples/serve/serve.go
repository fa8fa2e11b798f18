// Package serve is the web server of the examples that are pages. It serves the
// page's files and forwards /connector.js, /peerjs and the WebSocket to a gateway, as the
// web server of an application would, so that page and connector have one
// origin.
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"p2pconnector/proto/service"
)

// Main is the whole program of an example named name: it serves files until it
// is interrupted. It does not return.
func Main(name string, files fs.FS) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, name, files, os.Args[1:], os.Stdout, os.Stderr, nil)
	stop()
	os.Exit(service.ExitCode(os.Stderr, name, err))
}

// Run serves files until ctx ends; it calls ready, when not nil, with the page's
// URL and the gateway's once it serves.
func Run(ctx context.Context, name string, files fs.FS, args []string, stdout, stderr io.Writer, ready func(page, gateway string)) error {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	listen := set.String("listen", "localhost:3000", "`host:port` to serve the page on")
	gateway := set.String("gateway", "http://localhost:8080", "`URL` of a gateway; go run ./e2e/standalone starts one")
	if err := service.ParseTool(set, args, stderr, name+" serves the page of an example, which uses a gateway."); err != nil {
		return err
	}
	target, err := url.Parse(*gateway)
	if err != nil || target.Host == "" {
		return service.UsageError(name, fmt.Errorf("gateway: %q is not a URL such as http://localhost:8080", *gateway))
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: handler(files, target), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	page := "http://" + l.Addr().String() + "/"
	if strings.HasPrefix(*listen, "localhost:") {
		_, port, _ := net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
		page = "http://localhost:" + port + "/"
	}
	fmt.Fprintf(stdout, "The example %s runs: open %s in two tabs\n", name, page)
	if ready != nil {
		ready(page, target.String())
	}
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
	}
	err = srv.Close() // tabs keep their connections open; do not wait for them
	if e := <-done; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// handler serves files, and forwards the connector's paths to the gateway.
func handler(files fs.FS, gateway *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(gateway)
			r.Out.Host = r.In.Host // the gateway compares it with the page's origin
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "The gateway does not answer: start one with go run ./e2e/standalone, or name another with --gateway. ("+err.Error()+")", http.StatusBadGateway)
		},
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	own := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
		if socket || r.URL.Path == "/connector.js" || strings.HasPrefix(r.URL.Path, "/connector/") || strings.HasPrefix(r.URL.Path, "/peerjs/") {
			proxy.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
}
