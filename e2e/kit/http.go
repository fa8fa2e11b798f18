package kit

import (
	"io"
	"net/http"
	"testing"
)

// HTTP keeps no idle connection, so that none outlives its test.
var HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: Patience}

// Get returns the status and the body of url.
func Get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	resp, err := HTTP.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
