// A resource server verifies access tokens: Go, with the standard library alone.
//
//	ISSUER=… AUDIENCE=… JWKS_URI=… go run main.go < tokens
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const clockSkew = 60 // seconds

type verifier struct {
	issuer, audience, typ string
	keys                  *publishedKeys
}

// verify returns the claims of an access token that is for this service and for whoever bears it.
func (v *verifier) verify(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("the token is not a JWS")
	}
	var header struct {
		Alg, Kid string
		Typ      *string
		Crit     json.RawMessage
	}
	if err := decode(parts[0], &header); err != nil {
		return nil, err
	}
	switch {
	case header.Alg != "ES256":
		return nil, errors.New("alg is not ES256")
	case !v.isAccessToken(header.Typ):
		return nil, errors.New("typ is not that of access tokens")
	case header.Crit != nil:
		return nil, errors.New("the header has extensions")
	case header.Kid == "":
		return nil, errors.New("the header has no kid")
	}

	key, err := v.keys.find(header.Kid)
	if err != nil {
		return nil, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("the signature is not one of ES256")
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, digest[:], r, s) {
		return nil, errors.New("the signature is wrong")
	}

	var claims map[string]any
	if err := decode(parts[1], &claims); err != nil {
		return nil, err
	}
	now := float64(time.Now().Unix())
	exp, hasExp := claims["exp"].(float64)
	nbf, isNumber := claims["nbf"].(float64)
	_, hasNbf := claims["nbf"]
	_, hasJti := claims["jti"].(string)
	_, hasSub := claims["sub"].(string)
	_, isBound := claims["cnf"]
	switch {
	case claims["iss"] != v.issuer:
		return nil, errors.New("iss is another")
	case !contains(claims["aud"], v.audience):
		return nil, errors.New("aud is another")
	case !hasExp || exp <= now-clockSkew:
		return nil, errors.New("the token has expired")
	case hasNbf && (!isNumber || nbf > now+clockSkew):
		return nil, errors.New("the token is not valid yet")
	case !hasJti: // as ID tokens
		return nil, errors.New("jti is missing")
	case !hasSub && v.typ != "": // tokens of light-oauth2, which have no typ, have no sub
		return nil, errors.New("sub is missing")
	case isBound:
		return nil, errors.New("the token is bound to a key")
	}
	return claims, nil
}

// isAccessToken compares typ as a media type (RFC 7515 §4.1.9).
func (v *verifier) isAccessToken(typ *string) bool {
	if typ == nil || v.typ == "" {
		return typ == nil && v.typ == ""
	}
	return strings.EqualFold(strings.TrimPrefix(strings.ToLower(*typ), "application/"), v.typ)
}

// contains tells whether aud, a string or a list of strings, has a member.
func contains(aud any, member string) bool {
	list, isList := aud.([]any)
	if !isList {
		return aud == member
	}
	for _, each := range list {
		if each == member {
			return true
		}
	}
	return false
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// publishedKeys has a copy of the keys, good for maxAge. A kid that it lacks may be new: then the keys
// are fetched again, unless that was less than cooldown ago.
type publishedKeys struct {
	uri              string
	maxAge, cooldown time.Duration
	client           http.Client

	mu             sync.Mutex
	byKid          map[string]*ecdsa.PublicKey
	fetched, asked time.Time // asked with success or without
}

func (k *publishedKeys) find(kid string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Sub(k.fetched) >= k.maxAge || k.byKid[kid] == nil && now.Sub(k.asked) >= k.cooldown {
		k.asked = now
		byKid, err := k.fetch()
		if err != nil {
			return nil, err
		}
		k.byKid, k.fetched = byKid, now
	}
	if key := k.byKid[kid]; key != nil {
		return key, nil
	}
	return nil, errors.New("no published key has that kid")
}

func (k *publishedKeys) fetch() (map[string]*ecdsa.PublicKey, error) {
	response, err := k.client.Get(k.uri)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", k.uri, response.Status)
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X, Y string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&set); err != nil {
		return nil, err
	}
	byKid := make(map[string]*ecdsa.PublicKey)
	for _, jwk := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(jwk.X)
		y, errY := base64.RawURLEncoding.DecodeString(jwk.Y)
		key := &ecdsa.PublicKey{
			Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y),
		}
		isP256 := jwk.Kty == "EC" && jwk.Crv == "P-256" && errX == nil && errY == nil
		if isP256 && key.IsOnCurve(key.X, key.Y) {
			byKid[jwk.Kid] = key
		}
	}
	return byKid, nil
}

func main() {
	v := &verifier{
		issuer:   variable("ISSUER"),
		audience: variable("AUDIENCE"),
		typ:      "at+jwt",
		keys: &publishedKeys{
			uri:      variable("JWKS_URI"),
			maxAge:   seconds("MAX_AGE", 300),
			cooldown: seconds("COOLDOWN", 30),
			client:   http.Client{Timeout: 5 * time.Second},
		},
	}
	if typ, isSet := os.LookupEnv("TYP"); isSet {
		v.typ = typ
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		claims, err := v.verify(lines.Text())
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		text, _ := json.Marshal(claims)
		fmt.Println(string(text))
	}
}

func variable(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("set %s", name)
	}
	return value
}

func seconds(name string, otherwise int) time.Duration {
	number, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		number = otherwise
	}
	return time.Duration(number) * time.Second
}
