package session

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Keys are the server keys. A request that has one of them may do everything.
type Keys []string

// Contains reports whether bearer is one of the keys. It compares with every key in
// constant time, and an empty bearer is never a key.
func (k Keys) Contains(bearer string) bool {
	digest := sha256.Sum256([]byte(bearer))
	found := 0
	for _, key := range k {
		keyDigest := sha256.Sum256([]byte(key))
		found |= subtle.ConstantTimeCompare(digest[:], keyDigest[:])
	}
	return found == 1 && bearer != ""
}
