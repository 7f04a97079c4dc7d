// Reads and writes key files with libraries for Go. Takes calls as lines of JSON on standard input,
// and prints each result as a line of JSON. Bytes are base64.
package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	"github.com/lestrrat-go/jwx/v3/jwk"
	step "go.step.sm/crypto/jose"
	"go.step.sm/crypto/pemutil"
	old "golang.org/x/crypto/pkcs12"
	"software.sslmate.com/src/go-pkcs12"
)

type call struct {
	Call     string          `json:"call"`
	Library  string          `json:"library"`
	Form     string          `json:"form"`
	Data     []byte          `json:"data"`
	Password string          `json:"password"`
	Key      json.RawMessage `json:"key"` // private, of the recipient
	To       json.RawMessage `json:"to"`  // public, of the recipient
	Alg      string          `json:"alg"`
	Enc      string          `json:"enc"`
	JWK      json.RawMessage `json:"jwk"`
	Chain    [][]byte        `json:"chain"`
}

func main() {
	// The limit of jwx is 10,000 (docs/how-to/convert.md).
	jwe.Settings(jwe.WithMaxPBES2Count(220_000))
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		result := map[string]any{}
		if value, err := answer(line); err != nil {
			result["error"] = map[string]string{"message": err.Error()}
		} else {
			result["value"] = value
		}
		text, err := json.Marshal(result)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

func answer(line []byte) (any, error) {
	var c call
	if err := json.Unmarshal(line, &c); err != nil {
		return nil, err
	}
	switch c.Call + " " + c.Library {
	case "read go-jose":
		return readGoJose(c)
	case "read jwx":
		return readJwx(c)
	case "read step":
		return readStep(c)
	case "read go-pkcs12":
		key, _, _, err := pkcs12.DecodeChain(c.Data, c.Password)
		return one(key, err)
	case "read x/crypto":
		key, _, err := old.Decode(c.Data, c.Password)
		return one(key, err)
	case "write go-jose":
		return writeGoJose(c)
	case "write jwx":
		return writeJwx(c)
	case "write step":
		return writeStep(c)
	case "write go-pkcs12":
		return writePkcs12(c)
	}
	return nil, errors.New("no such call")
}

// one returns a list with a private key, as JWK.
func one(key any, err error) ([]any, error) {
	if err != nil {
		return nil, err
	}
	return []any{jose.JSONWebKey{Key: key}}, nil
}

var keyAlgorithms = []jose.KeyAlgorithm{
	jose.PBES2_HS512_A256KW, jose.RSA_OAEP_256, jose.ECDH_ES, jose.ECDH_ES_A256KW,
}

func readGoJose(c call) (any, error) {
	text := c.Data
	if c.Form == "jwe" || c.Form == "sealed" {
		token, err := jose.ParseEncrypted(string(bytes.TrimSpace(c.Data)), keyAlgorithms,
			[]jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			return nil, err
		}
		var key any = []byte(c.Password)
		if c.Form == "sealed" {
			var read jose.JSONWebKey
			if err := read.UnmarshalJSON(c.Key); err != nil {
				return nil, err
			}
			key = read.Key
		}
		if text, err = token.Decrypt(key); err != nil {
			return nil, err
		}
	}
	if c.Form == "jwks" {
		var set jose.JSONWebKeySet
		err := json.Unmarshal(text, &set)
		return set.Keys, err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return []any{key}, nil
}

func readJwx(c call) (any, error) {
	text := c.Data
	if c.Form == "jwe" || c.Form == "sealed" {
		option := jwe.WithKey(jwa.PBES2_HS512_A256KW(), []byte(c.Password))
		if c.Form == "sealed" {
			key, alg, err := jwxRecipient(c.Key, c.Alg)
			if err != nil {
				return nil, err
			}
			option = jwe.WithKey(alg, key)
		}
		var err error
		if text, err = jwe.Decrypt(bytes.TrimSpace(c.Data), option); err != nil {
			return nil, err
		}
	}
	set, err := jwk.Parse(text, jwk.WithPEM(c.Form == "pem"))
	if err != nil {
		return nil, err
	}
	keys := []any{}
	for i := range set.Len() {
		key, _ := set.Key(i)
		keys = append(keys, key)
	}
	return keys, nil
}

func jwxRecipient(text []byte, alg string) (jwk.Key, jwa.KeyEncryptionAlgorithm, error) {
	key, err := jwk.ParseKey(text)
	if err != nil {
		return nil, jwa.EmptyKeyEncryptionAlgorithm(), err
	}
	found, known := jwa.LookupKeyEncryptionAlgorithm(alg)
	if !known {
		return nil, found, errors.New("no such algorithm")
	}
	return key, found, nil
}

func readStep(c call) (any, error) {
	switch c.Form {
	case "pem":
		return one(pemutil.ParseKey(c.Data))
	case "encrypted pem":
		return one(pemutil.ParseKey(c.Data, pemutil.WithPassword([]byte(c.Password))))
	}
	key, err := step.ParseKey(c.Data, step.WithPassword([]byte(c.Password)))
	if err != nil {
		return nil, err
	}
	return []any{key}, nil
}

func privateKey(c call) (jose.JSONWebKey, error) {
	var key jose.JSONWebKey
	return key, key.UnmarshalJSON(c.JWK)
}

func writeGoJose(c call) (any, error) {
	key, err := privateKey(c)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(jose.JSONWebKey{Key: key.Key, Use: key.Use})
	if c.Form == "jwk" || err != nil {
		return text, err
	}
	enc := jose.ContentEncryption(c.Enc)
	var recipients []jose.Recipient
	if c.Password != "" {
		recipients = append(recipients, jose.Recipient{
			Algorithm: jose.PBES2_HS256_A128KW, Key: []byte(c.Password), PBES2Count: 600_000,
		})
	}
	if c.To != nil {
		var to jose.JSONWebKey
		if err := to.UnmarshalJSON(c.To); err != nil {
			return nil, err
		}
		recipients = append(recipients, jose.Recipient{Algorithm: jose.KeyAlgorithm(c.Alg), Key: to.Key})
	}
	var encrypter jose.Encrypter
	if len(recipients) == 1 {
		encrypter, err = jose.NewEncrypter(enc, recipients[0], nil)
	} else {
		encrypter, err = jose.NewMultiEncrypter(enc, recipients, nil)
	}
	if err != nil {
		return nil, err
	}
	token, err := encrypter.Encrypt(text)
	if err != nil {
		return nil, err
	}
	if c.Form == "compact" {
		written, err := token.CompactSerialize()
		return []byte(written), err
	}
	return []byte(token.FullSerialize()), nil
}

func writeJwx(c call) (any, error) {
	key, err := jwk.ParseKey(c.JWK)
	if err != nil {
		return nil, err
	}
	if c.Form == "pem" {
		return jwk.Pem(key)
	}
	if c.Form == "jwks" {
		set := jwk.NewSet()
		if err := set.AddKey(key); err != nil {
			return nil, err
		}
		return bytesOf(json.Marshal(set))
	}
	text, err := json.Marshal(key)
	if c.Form == "jwk" || err != nil {
		return text, err
	}
	enc, known := jwa.LookupContentEncryptionAlgorithm(c.Enc)
	if !known {
		return nil, errors.New("no such algorithm")
	}
	options := []jwe.EncryptOption{jwe.WithContentEncryption(enc)}
	if c.Form != "compact" {
		options = append(options, jwe.WithJSON())
	}
	if c.Password != "" {
		options = append(options, jwe.WithKey(jwa.PBES2_HS512_A256KW(), []byte(c.Password)))
	}
	if c.To != nil {
		to, alg, err := jwxRecipient(c.To, c.Alg)
		if err != nil {
			return nil, err
		}
		options = append(options, jwe.WithKey(alg, to))
	}
	return bytesOf(jwe.Encrypt(text, options...))
}

func bytesOf(text []byte, err error) (any, error) {
	return text, err
}

func writeStep(c call) (any, error) {
	key, err := privateKey(c)
	if err != nil {
		return nil, err
	}
	switch c.Form {
	case "pem", "encrypted pem":
		options := []pemutil.Options{pemutil.WithPKCS8(true)}
		if c.Form == "encrypted pem" {
			options = append(options, pemutil.WithPassword([]byte(c.Password)))
		}
		block, err := pemutil.Serialize(key.Key, options...)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(block), nil
	case "openssh":
		block, err := pemutil.Serialize(key.Key, pemutil.WithOpenSSH(true))
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(block), nil
	}
	token, err := step.EncryptJWK(&key, []byte(c.Password))
	if err != nil {
		return nil, err
	}
	if c.Form == "compact" {
		written, err := token.CompactSerialize()
		return []byte(written), err
	}
	// As the command "step crypto jwk create" does.
	var indented bytes.Buffer
	err = json.Indent(&indented, []byte(token.FullSerialize()), "", "  ")
	return indented.Bytes(), err
}

var encoders = map[string]*pkcs12.Encoder{
	"modern 2023": pkcs12.Modern2023,
	"modern 2026": pkcs12.Modern2026,
	"legacy DES":  pkcs12.LegacyDES,
	"legacy RC2":  pkcs12.LegacyRC2,
	"no password": pkcs12.Passwordless,
}

func writePkcs12(c call) (any, error) {
	var chain []*x509.Certificate
	for _, each := range c.Chain {
		certificate, err := x509.ParseCertificate(each)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	if c.Form == "trust store" {
		return bytesOf(pkcs12.Modern2023.EncodeTrustStore(chain, c.Password))
	}
	key, err := privateKey(c)
	if err != nil {
		return nil, err
	}
	encoder := encoders[c.Form].WithRand(rand.Reader)
	return bytesOf(encoder.Encode(crypto.PrivateKey(key.Key), chain[0], chain[1:], c.Password))
}
