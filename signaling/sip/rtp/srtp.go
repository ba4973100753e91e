package rtp

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"
	"github.com/pion/srtp/v3"
)

// crypto is an SRTP key as SDP carries it (SDES, RFC 4568). The zero crypto means plain RTP.
type crypto struct {
	tag   int
	suite string
	key   []byte // master key, followed by the salt
}

const (
	srtpKey  = 16 // bytes
	srtpSalt = 14
)

// suites are the crypto suites of RFC 4568 that telephones support.
var suites = map[string]srtp.ProtectionProfile{
	bestSuite:                 srtp.ProtectionProfileAes128CmHmacSha1_80,
	"AES_CM_128_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
}

const bestSuite = "AES_CM_128_HMAC_SHA1_80"

// newCrypto returns a random key.
func newCrypto(tag int, suite string) crypto {
	key := make([]byte, srtpKey+srtpSalt)
	_, _ = rand.Read(key) // never fails
	return crypto{tag: tag, suite: suite, key: key}
}

// String returns the value of the crypto attribute.
func (c crypto) String() string {
	return fmt.Sprintf("%d %s inline:%s", c.tag, c.suite, base64.StdEncoding.EncodeToString(c.key))
}

// parseCrypto parses the value of a crypto attribute. It refuses keys with an index (MKI)
// and session parameters.
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

// chooseCrypto returns the strongest key of a media description.
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

// context returns a context that encrypts or decrypts with the key.
func (c crypto) context() (*srtp.Context, error) {
	return srtp.CreateContext(c.key[:srtpKey], c.key[srtpKey:], suites[c.suite],
		srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64))
}

// encryption holds the SRTP contexts of a leg. The zero encryption is plain RTP.
type encryption struct {
	out *srtp.Context // nil for plain RTP; guarded by Leg.mu

	inMu sync.Mutex // srtp.Context is not safe for concurrent use
	in   *srtp.Context
}

// setIn replaces the key of incoming packets.
func (e *encryption) setIn(c *srtp.Context) {
	e.inMu.Lock()
	defer e.inMu.Unlock()
	e.in = c
}

// decrypt decrypts a packet with decryptRTP or decryptRTCP, appending to dst. It returns
// plain packets as they are.
func (e *encryption) decrypt(with func(*srtp.Context, []byte, []byte) ([]byte, error), dst, packet []byte) ([]byte, bool) {
	e.inMu.Lock()
	defer e.inMu.Unlock()
	if e.in == nil {
		return packet, true
	}
	packet, err := with(e.in, dst, packet)
	return packet, err == nil
}

func decryptRTP(c *srtp.Context, dst, packet []byte) ([]byte, error) {
	return c.DecryptRTP(dst, packet, nil)
}

func decryptRTCP(c *srtp.Context, dst, packet []byte) ([]byte, error) {
	return c.DecryptRTCP(dst, packet, nil)
}
