package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecretBytes is the minimum length of a secret that signs access tokens.
const MinSecretBytes = 32

// readKeyFile returns the PEM block in file, or the secret in it when the file is not PEM.
func readKeyFile(file string) (block *pem.Block, secret []byte, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	if block, _ = pem.Decode(b); block != nil {
		return block, nil, nil
	}
	if b = bytes.TrimSpace(b); len(b) < MinSecretBytes {
		return nil, nil, fmt.Errorf("a secret must have at least %d bytes", MinSecretBytes)
	}
	return nil, b, nil
}

// readVerifyingKey reads a public key, the public part of a private key, or a secret. It
// also returns the only algorithm allowed with the key, so that no token can choose another.
func readVerifyingKey(file string) (key any, alg string, err error) {
	block, secret, err := readKeyFile(file)
	if err != nil {
		return nil, "", err
	}
	if block == nil {
		return secret, "HS256", nil
	}
	if key, err = parsePEM(block); err != nil {
		return nil, "", err
	}
	if s, ok := key.(crypto.Signer); ok {
		key = s.Public()
	}
	alg, err = algorithmOf(key)
	return key, alg, err
}

// readSigningKey reads a private key or a secret, and returns it with its signing method.
func readSigningKey(file string) (jwt.SigningMethod, any, error) {
	block, secret, err := readKeyFile(file)
	if err != nil {
		return nil, nil, err
	}
	if block == nil {
		return jwt.SigningMethodHS256, secret, nil
	}
	key, _ := parsePEM(block)
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return jwt.SigningMethodRS256, key, nil
	case *ecdsa.PrivateKey:
		return jwt.SigningMethodES256, key, nil
	case ed25519.PrivateKey:
		return jwt.SigningMethodEdDSA, key, nil
	}
	return nil, nil, fmt.Errorf("PEM block %q holds no private key that signs tokens: give one for RS256, ES256 or EdDSA", block.Type)
}

// parsePEM returns the key in block, public or private.
func parsePEM(block *pem.Block) (any, error) {
	for _, parse := range []func([]byte) (any, error){
		func(b []byte) (any, error) { return x509.ParsePKIXPublicKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS8PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PublicKey(b) },
	} {
		if key, err := parse(block.Bytes); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("PEM block %q holds no supported key", block.Type)
}

// algorithmOf returns the JWT algorithm for a public key. The error is the reason why the
// key cannot be used.
func algorithmOf(public any) (string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return "", errors.New("an RSA key must have at least 2048 bits")
		}
		return "RS256", nil
	case *ecdsa.PublicKey:
		if k.Curve.Params().Name != "P-256" {
			return "", errors.New("an EC key must be on P-256")
		}
		return "ES256", nil
	case ed25519.PublicKey:
		return "EdDSA", nil
	}
	return "", fmt.Errorf("keys of type %T are not supported", public)
}
