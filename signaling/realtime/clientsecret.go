package realtime

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	maxBody     = 64 << 10 // bytes of a JSON body
	tokenLife   = 10 * time.Minute
	minLifeSecs = 10
	maxLifeSecs = 7200
)

// createClientSecret makes a token for a browser. A server key makes a trusted token; a
// token made without a key cannot change the agent.
func (s *Server) createClientSecret(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		ExpiresAfter struct {
			Anchor  string `json:"anchor"`
			Seconds *int   `json:"seconds"`
		} `json:"expires_after"`
		Session   settings `json:"session"`
		Frontdesk struct {
			Caller string `json:"caller"`
		} `json:"frontdesk"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	key := bearerToken(r)
	isTrusted := s.o.Keys.Contains(key)
	if key != "" && !isTrusted && len(s.o.Keys) > 0 {
		return fault.New(fault.Unauthorized, "the key in the Authorization header is not one of this server's keys")
	}
	life := tokenLife
	if secs := body.ExpiresAfter.Seconds; secs != nil {
		if *secs < minLifeSecs || *secs > maxLifeSecs {
			return fault.New(fault.Invalid, "expires_after.seconds must be between %d and %d", minLifeSecs, maxLifeSecs)
		}
		life = time.Duration(*secs) * time.Second
	}
	who := session.Caller{Trusted: isTrusted}
	if err := body.Session.applyTo(&who); err != nil {
		return err
	}
	if who.KnownAs = body.Frontdesk.Caller; who.KnownAs != "" && !isTrusted {
		return fault.New(fault.Forbidden, "frontdesk.caller needs a server key")
	}
	if len(who.KnownAs) > session.MaxKnownAs || !utf8.ValidString(who.KnownAs) || strings.ContainsFunc(who.KnownAs, unicode.IsControl) {
		return fault.New(fault.Invalid, "frontdesk.caller must be UTF-8 text of at most %d bytes without control characters", session.MaxKnownAs)
	}
	expires := time.Now().Add(life)
	token, err := s.o.Tokens.Mint(session.Claims{Caller: who, Expires: expires})
	if err != nil {
		return err
	}
	v := newSessionView(who.Agent, session.Caller{})
	v.Instructions, v.Tools = who.Instructions, functionTools(who.Tools)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]any{
		"value": token, "expires_at": expires.Unix(), "session": v,
	})
}

// readJSON decodes a JSON body of at most maxBody bytes into v; an empty body leaves v as
// it is.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	return jsonFault(json.NewDecoder(r.Body).Decode(v))
}
