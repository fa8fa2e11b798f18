package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenOf runs the command and returns what it printed.
func tokenOf(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := runToken(args, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("%q: got code %d and errors %q, want 0 and none", args, code, stderr.String())
	}
	token, ok := strings.CutSuffix(stdout.String(), "\n")
	if !ok || strings.Count(token, ".") != 2 {
		t.Fatalf("got output %q, want one line with a token", stdout.String())
	}
	return token
}

// claimsIn verifies a token and returns its claims.
func claimsIn(t *testing.T, token, alg string, key any) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{alg})); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestToken_EachFlag_IsAClaim(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	token := tokenOf(t, "--new", "--key", file, "--sub", "ann", "--ttl", "90m", "--rooms", "a-*, b", "--can", "create,join", "--iss", "me", "--aud", "p2p")
	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v of the secret (%v), want 0600", info.Mode(), err)
	}
	claims := claimsIn(t, token, "HS256", bytes.TrimSpace(secret))
	exp, err := claims.GetExpirationTime()
	if left := time.Until(exp.Time); err != nil || left < 89*time.Minute || left > 91*time.Minute {
		t.Errorf("got exp %v (%v), want 90 minutes from now", exp, err)
	}
	delete(claims, "exp")
	delete(claims, "iat")
	got, err := json.Marshal(claims)
	if want := `{"aud":"p2p","iss":"me","p2p":{"can":["create","join"],"rooms":["a-*","b"]},"sub":"ann"}`; err != nil || string(got) != want {
		t.Errorf("got claims %s (%v), want %s", got, err, want)
	}
	// The same file again: the secret stays, and a token without lists grants all.
	plain := claimsIn(t, tokenOf(t, "--new", "--key", file, "--sub", "bob"), "HS256", bytes.TrimSpace(secret))
	if _, ok := plain["p2p"]; ok || plain["sub"] != "bob" {
		t.Errorf("got claims %v, want sub bob and no p2p", plain)
	}
}

func TestToken_EachKey_SignsWithItsAlgorithm(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, alg, block string
		key              crypto.Signer
		der              []byte
	}{
		{"RSA", "RS256", "PRIVATE KEY", rsaKey, pkcs8(t, rsaKey)},
		{"RSA in PKCS #1", "RS256", "RSA PRIVATE KEY", rsaKey, x509.MarshalPKCS1PrivateKey(rsaKey)},
		{"EC", "ES256", "PRIVATE KEY", ecKey, pkcs8(t, ecKey)},
		{"EC in SEC 1", "ES256", "EC PRIVATE KEY", ecKey, ecDER},
		{"Ed25519", "EdDSA", "PRIVATE KEY", edKey, pkcs8(t, edKey)},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: c.block, Bytes: c.der}), 0o600); err != nil {
				t.Fatal(err)
			}
			if claims := claimsIn(t, tokenOf(t, "--key", file, "--sub", "ann"), c.alg, c.key.Public()); claims["sub"] != "ann" {
				t.Errorf("got claims %v, want sub ann", claims)
			}
		})
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Settings that cannot work are refused with an error that names the setting, and no token
// is printed.
func TestToken_WrongFlags_AreRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	secret, short := write("secret", bytes.Repeat([]byte("x"), 40)), write("short", []byte("hunter2"))
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	publicFile := write("public", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, c := range []struct {
		want string
		args []string
	}{
		{"key:", []string{"--sub", "ann"}},
		{"sub:", []string{"--key", secret}},
		{"key:", []string{"--key", filepath.Join(dir, "none"), "--sub", "ann"}},
		{"key:", []string{"--key", short, "--sub", "ann"}},
		{"key:", []string{"--key", publicFile, "--sub", "ann"}},
		{"new:", []string{"--new", "--key", filepath.Join(dir, "no", "folder"), "--sub", "ann"}},
		{"sub: name the user; see gateway token --help", nil}, // besides the key
		{"ttl:", []string{"--key", secret, "--sub", "ann", "--ttl", "-1h"}},
		{"can:", []string{"--key", secret, "--sub", "ann", "--can", "join,fly"}},
		{"ann", []string{"--key", secret, "--sub", "x", "ann"}},
	} {
		var stdout, stderr bytes.Buffer
		if code := runToken(c.args, &stdout, &stderr); code != 2 || stdout.Len() > 0 || !strings.Contains(stderr.String(), c.want) || strings.Contains(stderr.String(), "hunter2") {
			t.Errorf("%q: got code %d, output %q, error %q; want 2, no output and an error with %q", c.args, code, stdout.String(), stderr.String(), c.want)
		}
	}
}
