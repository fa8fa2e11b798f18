package browser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"p2pconnector/e2e/kit"
)

// front is one origin for a page that talks to several gateways: this package's
// own modules are below /test/, gateway i is below /gw/<i>/, and the rest is
// gateway 0's. It can cut connections as a bad network does: POST /cut/<i>.
type front struct {
	*httptest.Server
	mu    sync.Mutex
	conns []map[net.Conn]bool // to each gateway
}

func startFront(t *testing.T, stack *kit.Stack, gateways int) *front {
	t.Helper()
	f := &front{conns: make([]map[net.Conn]bool, gateways)}
	mux := http.NewServeMux()
	mux.Handle("/test/", http.StripPrefix("/test/", http.FileServer(http.Dir("testdata/js"))))
	for i := range gateways {
		f.conns[i] = map[net.Conn]bool{}
		target, err := url.Parse(stack.HTTP(i))
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return f.dial(ctx, i, network, addr)
		}}
		proxy := &httputil.ReverseProxy{Transport: tr, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // keeps the page's origin equal to the server's
		}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}}
		mux.Handle(fmt.Sprintf("/gw/%d/", i), http.StripPrefix(fmt.Sprintf("/gw/%d", i), proxy))
		mux.HandleFunc(fmt.Sprintf("POST /cut/%d", i), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, f.cut(i)) })
		if i == 0 {
			mux.Handle("/", proxy)
		}
	}
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		for i := range gateways {
			f.cut(i)
		}
		f.Close()
	})
	return f
}

func (f *front) dial(ctx context.Context, i int, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &tracked{Conn: c, forget: func(t *tracked) {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.conns[i], t)
	}}
	f.conns[i][t] = true
	return t, nil
}

// cut ends all connections to gateway i without a close frame and returns their
// number.
func (f *front) cut(i int) int {
	f.mu.Lock()
	conns := f.conns[i]
	f.conns[i] = map[net.Conn]bool{}
	f.mu.Unlock()
	for c := range conns {
		_ = c.Close() // it may have ended already
	}
	return len(conns)
}

// tracked is a connection that its front can cut.
type tracked struct {
	net.Conn
	forget func(*tracked)
}

func (t *tracked) Close() error {
	t.forget(t)
	return t.Conn.Close()
}
