package edge_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signer signs access tokens with one algorithm.
type signer struct {
	method jwt.SigningMethod
	key    any // private, or the secret
	kid    string
}

func (s *signer) public() crypto.PublicKey { return s.key.(crypto.Signer).Public() }

// token signs claims; exp is an hour from now unless they say otherwise.
func (s *signer) token(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	tok := jwt.NewWithClaims(s.method, all)
	if s.kid != "" {
		tok.Header["kid"] = s.kid
	}
	text, err := tok.SignedString(s.key)
	must(t, err)
	return text
}

// signers returns one of each algorithm.
func signers(t testing.TB) map[string]*signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return map[string]*signer{
		"HS256": {method: jwt.SigningMethodHS256, key: []byte("a secret of more than 32 bytes, for tests")},
		"RS256": {method: jwt.SigningMethodRS256, key: rsaKey},
		"ES256": {method: jwt.SigningMethodES256, key: ecKey},
		"EdDSA": {method: jwt.SigningMethodEdDSA, key: edKey},
	}
}

// publicPEM encodes the public key as openssl does.
func publicPEM(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// file writes b to a file of the test and returns its path.
func file(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(name, b, 0o600))
	return name
}

// keyFile writes the file with which the gateway verifies tokens of s.
func keyFile(t testing.TB, s *signer) string {
	t.Helper()
	if secret, ok := s.key.([]byte); ok {
		return file(t, append(secret, '\n'))
	}
	return file(t, publicPEM(t, s.public()))
}

func randomSecret() []byte {
	b := make([]byte, 40)
	rand.Read(b)
	return []byte(base64.StdEncoding.EncodeToString(b))
}

// jwks serves the public keys of signers, which may change.
type jwks struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []*signer
	fetches int
}

func newJWKS(t testing.TB, keys ...*signer) *jwks {
	t.Helper()
	j := &jwks{keys: keys}
	j.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.fetches++
		set := map[string][]map[string]string{"keys": {}}
		for _, k := range j.keys {
			set["keys"] = append(set["keys"], jwkOf(k))
		}
		_ = json.NewEncoder(w).Encode(set) // the test fails when the gateway gets nothing
	}))
	t.Cleanup(j.Close)
	return j
}

func (j *jwks) rotate(keys ...*signer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.keys = keys
}

func (j *jwks) fetched() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fetches
}

func jwkOf(s *signer) map[string]string {
	enc := base64.RawURLEncoding.EncodeToString
	jwk := map[string]string{"kid": s.kid, "alg": s.method.Alg(), "use": "sig"}
	switch k := s.key.(type) {
	case []byte:
		jwk["kty"], jwk["k"] = "oct", enc(k)
	case *rsa.PrivateKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", enc(k.N.Bytes()), enc(big.NewInt(int64(k.E)).Bytes())
	case *ecdsa.PrivateKey:
		point, _ := k.PublicKey.Bytes() // 4, x, y; a P-256 key has both
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", enc(point[1:33]), enc(point[33:])
	case ed25519.PrivateKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", enc(k.Public().(ed25519.PublicKey))
	}
	return jwk
}
