package ice

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// requestTimeout bounds a request with its answer.
const requestTimeout = 10 * time.Second

// maxHeaderBytes bounds the file of headers.
const maxHeaderBytes = 16 << 10

// fetch asks the provider once.
func (f *fetcher) fetch(ctx context.Context) (list, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := f.request(ctx)
	if err != nil {
		return list{}, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return list{}, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return list{}, fmt.Errorf("the provider answers with status %d", resp.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return list{}, fmt.Errorf("reading the answer: %w", withoutURL(err))
	}
	if len(answer) > maxAnswerBytes {
		return list{}, fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)
	}
	l, err := parse(answer)
	if err != nil {
		return list{}, fmt.Errorf("unusable answer: %w", err)
	}
	return l, nil
}

// request makes the request. It reads the file of headers again, because keys are replaced.
func (f *fetcher) request(ctx context.Context) (*http.Request, error) {
	method, body := http.MethodGet, strings.ReplaceAll(f.cfg.Body, "{ttl}", strconv.Itoa(int(f.cfg.TTL/time.Second)))
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, f.cfg.URL, strings.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	if f.cfg.HeaderFile != "" {
		if req.Header, err = readHeader(f.cfg.HeaderFile); err != nil {
			return nil, err
		}
	}
	req.Header.Set("Accept", "application/json")
	if body != "" && req.Header.Get("Content-Type") == "" {
		kind := "application/x-www-form-urlencoded"
		if strings.HasPrefix(body, "{") {
			kind = "application/json"
		}
		req.Header.Set("Content-Type", kind)
	}
	return req, nil
}

// readHeader reads a file with one header a line. Its errors do not contain the file's text.
func readHeader(file string) (http.Header, error) {
	r, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxHeaderBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxHeaderBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", file, maxHeaderBytes)
	}
	text := append(bytes.TrimSpace(b), "\r\n\r\n"...)
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil || len(h) == 0 {
		return nil, fmt.Errorf("%s must have one header a line, like Authorization: Bearer …", file)
	}
	return http.Header(h), nil
}

// withoutURL removes the URL from an error of net/http, because it may contain a key.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
