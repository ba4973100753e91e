package sip

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/srtp/v3"
)

// crypto is a key of SRTP as it is exchanged in session descriptions (SDES, RFC 4568).
type crypto struct {
	tag   int
	suite string
	key   []byte // and salt behind it
}

const (
	srtpKey  = 16 // bytes
	srtpSalt = 14
)

// suites are the ones of RFC 4568 that telephones have, the better one first.
var suites = map[string]srtp.ProtectionProfile{
	"AES_CM_128_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

const bestSuite = "AES_CM_128_HMAC_SHA1_80"

// newCrypto makes a key of our own.
func newCrypto(tag int, suite string) crypto {
	key := make([]byte, srtpKey+srtpSalt)
	_, _ = rand.Read(key) // never fails
	return crypto{tag: tag, suite: suite, key: key}
}

// String is the value of the attribute.
func (c crypto) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.tag, c.suite, base64.StdEncoding.EncodeToString(c.key))
}

// parseCrypto reads the value of an attribute. Keys with an index (MKI) and session
// parameters are not taken.
func parseCrypto(value string) (crypto, bool) {
	fields := strings.Fields(value)
	if len(fields) != 3 {
		return crypto{}, false
	}
	tag, err := strconv.ParseUint(fields[0], 10, 30)
	inline, isInline := strings.CutPrefix(fields[2], "inline:")
	text, rest, _ := strings.Cut(inline, "|")
	if _, known := suites[fields[1]]; err != nil || !known || !isInline || strings.ContainsAny(rest, ":;") {
		return crypto{}, false
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != srtpKey+srtpSalt {
		return crypto{}, false
	}
	return crypto{tag: int(tag), suite: fields[1], key: key}, true
}

// chooseCrypto takes the best key of a medium.
func chooseCrypto(m *sdp.MediaDescription) (best crypto, ok bool) {
	for _, a := range m.Attributes {
		if a.Key != "crypto" {
			continue
		}
		if c, valid := parseCrypto(a.Value); valid && (!ok || c.suite == bestSuite && best.suite != bestSuite) {
			best, ok = c, true
		}
	}
	return best, ok
}

// context encrypts or decrypts with the key.
func (c crypto) context() (*srtp.Context, error) {
	return srtp.CreateContext(c.key[:srtpKey], c.key[srtpKey:], suites[c.suite],
		srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64))
}
