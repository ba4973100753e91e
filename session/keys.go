package session

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Keys are the server keys: who has one may do everything.
type Keys []string

// Hold compares with every key in constant time. The empty string is no key.
func (k Keys) Hold(bearer string) bool {
	given := sha256.Sum256([]byte(bearer))
	found := 0
	for _, one := range k {
		key := sha256.Sum256([]byte(one))
		found |= subtle.ConstantTimeCompare(given[:], key[:])
	}
	return found == 1 && bearer != ""
}
