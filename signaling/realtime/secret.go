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

// clientSecret makes a token for a browser. A server key makes a trusted one; without
// a key it is one for the public, which can change nothing of the agent.
func (s *Server) clientSecret(w http.ResponseWriter, r *http.Request) error {
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
	key := bearer(r)
	trusted := s.o.Keys.Hold(key)
	if key != "" && !trusted && len(s.o.Keys) > 0 {
		return fault.New(fault.Unauthorized, "this is not a key of this server")
	}
	life := tokenLife
	if secs := body.ExpiresAfter.Seconds; secs != nil {
		if *secs < minLifeSecs || *secs > maxLifeSecs {
			return fault.New(fault.Invalid, "expires_after.seconds is not between %d and %d", minLifeSecs, maxLifeSecs)
		}
		life = time.Duration(*secs) * time.Second
	}
	who := session.Caller{Trusted: trusted}
	if err := body.Session.override(&who); err != nil {
		return err
	}
	if who.Known = body.Frontdesk.Caller; who.Known != "" && !trusted {
		return fault.New(fault.Forbidden, "only a server key may say who calls")
	}
	if len(who.Known) > session.MaxKnown || !utf8.ValidString(who.Known) || strings.ContainsFunc(who.Known, unicode.IsControl) {
		return fault.New(fault.Invalid, "frontdesk.caller is not a name of at most %d bytes", session.MaxKnown)
	}
	expires := time.Now().Add(life)
	token, err := s.o.Tokens.Mint(session.Claims{Caller: who, Expires: expires})
	if err != nil {
		return err
	}
	v := newView(who.Agent, session.Caller{})
	v.Instructions, v.Tools = who.Instructions, functionTools(who.Tools)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]any{
		"value": token, "expires_at": expires.Unix(), "session": v,
	})
}

// readJSON reads a bounded JSON body; an empty one leaves v as it is.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	return jsonFault(json.NewDecoder(r.Body).Decode(v))
}
