package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto/service"
)

// runToken makes an access token to try things with, and returns the exit code.
// Only the token goes to stdout.
func runToken(args []string, stdout, stderr io.Writer) int {
	token, err := makeToken(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		service.PrintError(stderr, "gateway token", err)
		return 2
	}
	fmt.Fprintln(stdout, token)
	return 0
}

func makeToken(args []string, stderr io.Writer) (string, error) {
	fs := flag.NewFlagSet("gateway token", flag.ContinueOnError)
	file := fs.String("key", "", "`file` of the secret (HS256) or the private key (PEM) that signs; the gateway gets the same, or the public key, as token-key")
	fresh := fs.Bool("new", false, "make the file, with a new secret, if it does not exist")
	sub := fs.String("sub", "", "`name` of the user, which other members see")
	ttl := fs.Duration("ttl", time.Hour, "`time` until the token expires")
	rooms := fs.String("rooms", "", "`patterns` of the rooms that the token is valid for, separated by commas (default: all)")
	can := fs.String("can", "", "what the token grants of create, join, message, remove, end and update, separated by commas (default: all)")
	issuer := fs.String("iss", "", "`issuer`, if the gateway requires one")
	audience := fs.String("aud", "", "`audience`, if the gateway requires one")
	err := service.ParseTool(fs, args, stderr, "gateway token --key FILE --sub NAME prints an access token for a gateway that has --token-key.")
	if err != nil {
		return "", err
	}
	var errs []error
	if *file == "" {
		errs = append(errs, errors.New("key: name the file of the key; --new makes one"))
	}
	if *sub == "" {
		errs = append(errs, errors.New("sub: name the user"))
	}
	if *ttl <= 0 {
		errs = append(errs, fmt.Errorf("ttl: %v is not positive; give a time like 1h", *ttl))
	}
	claims := auth.Claims{User: *sub, Life: *ttl, Rooms: splitList(*rooms), Issuer: *issuer, Audience: *audience}
	if claims.Can, err = parseGrants(*can); err != nil {
		errs = append(errs, fmt.Errorf("can: %w", err))
	}
	if len(errs) > 0 {
		return "", service.UsageError(fs.Name(), errs...)
	}
	if *fresh {
		if err := makeSecret(*file); err != nil {
			return "", fmt.Errorf("new: %w", err)
		}
	}
	return auth.Issue(*file, claims, time.Now())
}

// parseGrants parses a list of grants, separated by commas; an empty list is nil.
func parseGrants(list string) (grants []auth.Grant, err error) {
	for _, s := range splitList(list) {
		g := auth.Grant(s)
		if !slices.Contains(auth.Grants(), g) {
			return nil, fmt.Errorf("%q is not one of create, join, message, remove, end and update", s)
		}
		grants = append(grants, g)
	}
	return grants, nil
}

// splitList returns the parts of s between its commas; nil when s is empty.
func splitList(s string) (list []string) {
	if s == "" {
		return nil
	}
	for v := range strings.SplitSeq(s, ",") {
		list = append(list, strings.TrimSpace(v))
	}
	return list
}

// makeSecret writes a new secret to a file that only its owner can read, unless the
// file exists.
func makeSecret(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b := make([]byte, auth.MinSecretBytes)
	rand.Read(b)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(b) + "\n")
	return errors.Join(err, f.Close())
}
