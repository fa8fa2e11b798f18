package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// secretBytes is how much of chance a new secret holds.
const secretBytes = 32

// runToken makes an access token for trying, and returns the exit code. The
// token alone goes to stdout.
func runToken(args []string, stdout, stderr io.Writer) int {
	token, err := makeToken(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "gateway token:", err)
		return 2
	}
	fmt.Fprintln(stdout, token)
	return 0
}

func makeToken(args []string, stderr io.Writer) (string, error) {
	fs := flag.NewFlagSet("gateway token", flag.ContinueOnError)
	fs.SetOutput(stderr)
	file := fs.String("key", "", "`file` of the secret (HS256) or the private key (PEM) that signs; the gateway gets the same, or the public key, as token-key")
	fresh := fs.Bool("new", false, "make the file, with a secret, when it is not there")
	sub := fs.String("sub", "", "`name` of the user, which other members see")
	ttl := fs.Duration("ttl", time.Hour, "`time` that the token works")
	rooms := fs.String("rooms", "", "`patterns` of rooms that it opens, separated by commas (default: all)")
	can := fs.String("can", "", "what it grants of create, join, message and remove, separated by commas (default: all)")
	issuer := fs.String("iss", "", "`issuer`, when the gateway asks for one")
	audience := fs.String("aud", "", "`audience`, when the gateway asks for one")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "gateway token --key FILE --sub NAME prints an access token for a gateway that has --token-key.")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	switch {
	case fs.NArg() > 0:
		return "", fmt.Errorf("%q is no flag: see --help", fs.Arg(0))
	case *file == "":
		return "", errors.New("key: name the file of the key; --new makes one")
	case *sub == "":
		return "", errors.New("sub: name the user")
	case *ttl <= 0:
		return "", fmt.Errorf("ttl: %v is not in the future", *ttl)
	}
	if *fresh {
		if err := makeSecret(*file); err != nil {
			return "", fmt.Errorf("new: %w", err)
		}
	}
	claims, err := claimsOf(*sub, *ttl, *rooms, *can)
	if err != nil {
		return "", err
	}
	if *issuer != "" {
		claims["iss"] = *issuer
	}
	if *audience != "" {
		claims["aud"] = *audience
	}
	method, key, err := readSigningKey(*file)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	return jwt.NewWithClaims(method, claims).SignedString(key)
}

func claimsOf(sub string, ttl time.Duration, rooms, can string) (jwt.MapClaims, error) {
	now := time.Now()
	claims := jwt.MapClaims{"sub": sub, "iat": now.Unix(), "exp": now.Add(ttl).Unix()}
	p2p := make(map[string][]string)
	if rooms != "" {
		p2p["rooms"] = splitList(rooms)
	}
	if can != "" {
		p2p["can"] = splitList(can)
		for _, g := range p2p["can"] {
			switch g {
			case "create", "join", "message", "remove":
			default:
				return nil, fmt.Errorf("can: %q is none of create, join, message and remove", g)
			}
		}
	}
	if len(p2p) > 0 {
		claims["p2p"] = p2p
	}
	return claims, nil
}

func splitList(s string) (list []string) {
	for v := range strings.SplitSeq(s, ",") {
		list = append(list, strings.TrimSpace(v))
	}
	return list
}

// makeSecret writes a new secret that only its owner can read, unless the file
// is there.
func makeSecret(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b := make([]byte, secretBytes)
	rand.Read(b)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(b) + "\n")
	return errors.Join(err, f.Close())
}

// readSigningKey reads a private key (PEM), or a secret when the file is no PEM,
// as the gateway does.
func readSigningKey(file string) (jwt.SigningMethod, any, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		secret := strings.TrimSpace(string(b))
		if len(secret) < secretBytes {
			return nil, nil, fmt.Errorf("a secret must have at least %d bytes", secretBytes)
		}
		return jwt.SigningMethodHS256, []byte(secret), nil
	}
	key, err := parsePrivate(block)
	if err != nil {
		return nil, nil, err
	}
	switch key.(type) {
	case *rsa.PrivateKey:
		return jwt.SigningMethodRS256, key, nil
	case *ecdsa.PrivateKey:
		return jwt.SigningMethodES256, key, nil
	case ed25519.PrivateKey:
		return jwt.SigningMethodEdDSA, key, nil
	}
	return nil, nil, fmt.Errorf("keys of type %T do not sign tokens", key)
}

func parsePrivate(block *pem.Block) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("PEM block %q holds no private key: only a private key can sign", block.Type)
}
