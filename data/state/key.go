package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Key lets another program ask the server. Its text is told once, by CreateKey;
// what is kept is a hash of it.
type Key struct {
	ID         string    `json:"id"` // public: names the key in lists and logs, and stands in its text
	Name       string    `json:"name,omitempty"`
	Role       string    `json:"role"` // what it may ask; the server knows which roles there are
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`   // zero: never
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // zero: never; up to a minute behind
	RevokedAt  time.Time `json:"revoked_at,omitzero"`   // zero: not revoked

	// hash is the SHA-256 of the text. A plain hash is enough, where a password
	// would need a slow, salted one: nobody can guess 256 random bits, however
	// fast the guesses are, and no two keys are the same.
	hash [sha256.Size]byte
}

// KeyStatus says whether a key opens anything.
type KeyStatus string

// What a key can be.
const (
	KeyValid   KeyStatus = "valid"
	KeyUnknown KeyStatus = "unknown" // no key has this text
	KeyRevoked KeyStatus = "revoked"
	KeyExpired KeyStatus = "expired"
)

// Status returns what the key is at the given time.
func (k *Key) Status(now time.Time) KeyStatus {
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	}
	return KeyValid
}

// maxKeyName bounds a key's name, in characters.
const maxKeyName = 100

func (k *Key) validate(now time.Time) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case k.Role == "":
		return errors.New("a key needs a role")
	case utf8.RuneCountInString(k.Name) > maxKeyName:
		return fmt.Errorf("the key's name has %d characters: at most %d are allowed", utf8.RuneCountInString(k.Name), maxKeyName)
	case !utf8.ValidString(k.Name) || strings.ContainsFunc(k.Name, unprintable):
		return fmt.Errorf("the key's name %q holds characters that cannot be printed", k.Name)
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now):
		return fmt.Errorf("the key would have expired at %s already", k.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// The text of a key is its prefix, by which people and scanners of leaked
// secrets know it, its id, by which it is found, and 256 random bits.
const (
	keyPrefix   = "regulars_"
	keyIDBytes  = 5 // 8 characters
	secretBytes = 32
)

var (
	idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	keyIDLen   = idEncoding.EncodedLen(keyIDBytes)
	keyLen     = len(keyPrefix) + keyIDLen + 1 + base64.RawURLEncoding.EncodedLen(secretBytes)
)

// newKeyText draws an id and the text of a key with it.
func newKeyText() (id, text string) {
	random := make([]byte, keyIDBytes+secretBytes)
	_, _ = rand.Read(random) // which ends the program rather than fail
	id = idEncoding.EncodeToString(random[:keyIDBytes])
	return id, keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[keyIDBytes:])
}

// keyID returns the id that stands in the text of a key, and false where the
// text cannot be one. The text's length and prefix are no secret.
func keyID(text string) (string, bool) {
	if len(text) != keyLen || !strings.HasPrefix(text, keyPrefix) {
		return "", false
	}
	return text[len(keyPrefix) : len(keyPrefix)+keyIDLen], true
}
