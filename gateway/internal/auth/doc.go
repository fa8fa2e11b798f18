// Package auth handles the credentials that a gateway checks or gives out. There are two
// kinds, with different issuers:
//
//	access token   a JWT from the operator's back end  states who the client is and what it may do
//	session token  from any gateway, signed by HMAC    names the session that a client resumes
//
// # Access tokens
//
// A gateway requires access tokens only when it has a [Verifier], which has the key or
// follows a JWKS. Verify turns a token into an [Access]: the user, the time of expiry, the
// rooms and the [Grant]s. A nil *Access allows everything; a gateway that requires no tokens
// uses it. [RequestToken] finds the token in a handshake. [Issue] makes tokens for trials
// and tests. Only this package imports the libraries for JWT and JWKS.
//
// # Session tokens
//
// The clients of a gateway that crashed resume elsewhere without stored state: a
// [SessionToken] has the peer, its owner, its rooms and its user. [SessionKeys] signs and
// verifies session tokens with keys that all gateways share. The keys are configured, or the
// room service draws and rotates them and SessionKeys fetches them: every five minutes, and
// when a token names an unknown key. Any client may invent such a key, so these fetches are
// limited, and no client waits long for one.
//
// A valid token does not prove that its session still exists or that no newer token has
// replaced it. Package session and the directory decide that.
//
// # What the package does not decide
//
// The package talks to no client and no service: the root package sends errors to clients,
// asks the room service, and closes connections whose token has expired. Tokens and keys
// appear in no error and no log. Expiry is measured by the time of day, which callers pass
// in, because other hosts issue the tokens.
package auth
