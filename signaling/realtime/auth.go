package realtime

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// Subprotocols of the WebSocket: browsers, which can set no header there, put the
// token behind the second one.
const (
	subprotocol      = "realtime"
	tokenSubprotocol = "openai-insecure-api-key."
)

// bearer is the key or token a request carries, "" for none.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, line := range r.Header.Values("Sec-Websocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(p), tokenSubprotocol); ok {
				return token
			}
		}
	}
	return ""
}

// caller says who makes a request, by its server key or token. The agent a token was
// made for goes before the one the request names.
func (s *Server) caller(r *http.Request, transport string) (session.Caller, error) {
	var who session.Caller
	switch b := bearer(r); {
	case b == "":
		return who, fault.New(fault.Unauthorized, "a token is needed: POST /v1/realtime/client_secrets gives one")
	case s.o.Keys.Hold(b):
		who.Trusted = true
	case len(s.o.Keys) == 0 && !session.IsToken(b):
		// Official clients insist on a key. Where none is configured, any will do for what
		// the page may do without one.
	default:
		claims, err := s.o.Tokens.Verify(b)
		if err != nil {
			return who, err
		}
		who = claims.Caller
	}
	if who.Agent == "" && who.Resume == "" {
		who.Agent = r.URL.Query().Get("model")
	}
	who.Transport, who.Address = transport, address(r)
	who.Request = fault.RequestID(r.Context())
	return who, nil
}

// checkOrigin refuses pages of other sites, unless they are configured.
func (s *Server) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || sameHost(origin, r.Host) || s.allowed(origin) {
		return nil
	}
	return fault.New(fault.Forbidden, "pages of %.200q may not call here: their origin is not configured", origin)
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

func (s *Server) allowed(origin string) bool {
	return slices.ContainsFunc(s.o.Origins, func(o string) bool {
		return o == "*" || strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

// cors answers a preflight request and reports that it did; it lets pages of allowed
// origins read the answer to any other. No cookie is ever looked at, so a page can do
// nothing here beyond what its token allows.
func (s *Server) cors(w http.ResponseWriter, r *http.Request, method string) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && s.allowed(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-Id")
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", method)
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}
