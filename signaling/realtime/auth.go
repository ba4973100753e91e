package realtime

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// Subprotocols of the WebSocket. Browsers cannot set its headers, so their token follows
// tokenSubprotocol.
const (
	subprotocol      = "realtime"
	tokenSubprotocol = "openai-insecure-api-key."
)

// bearerToken returns the key or token a request carries, or "".
func bearerToken(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, header := range r.Header.Values("Sec-Websocket-Protocol") {
		for p := range strings.SplitSeq(header, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(p), tokenSubprotocol); ok {
				return token
			}
		}
	}
	return ""
}

// authenticate returns the caller who makes a request, by its server key or token. A
// token's own agent takes precedence over the one the request names.
func (s *Server) authenticate(r *http.Request, transport string) (session.Caller, error) {
	var who session.Caller
	switch b := bearerToken(r); {
	case b == "":
		return who, fault.New(fault.Unauthorized, "the request has no token: POST /v1/realtime/client_secrets returns one")
	case s.o.Keys.Contains(b):
		who.Trusted = true
	case len(s.o.Keys) == 0 && !session.IsToken(b):
		// Official clients insist on a key. If no server keys are configured, any key is
		// accepted, with the rights of a request without one.
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
	who.Transport, who.Address = transport, remoteIP(r)
	who.RequestID = fault.RequestID(r.Context())
	return who, nil
}

// checkOrigin refuses pages of other sites, unless their origin is configured.
func (s *Server) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || isSameHost(origin, r.Host) || s.isAllowedOrigin(origin) {
		return nil
	}
	return fault.New(fault.Forbidden, "pages of %.200q may not call: add it to origins in the configuration", origin)
}

func isSameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

func (s *Server) isAllowedOrigin(origin string) bool {
	return slices.ContainsFunc(s.o.Origins, func(o string) bool {
		return o == "*" || strings.EqualFold(strings.TrimSuffix(o, "/"), origin)
	})
}

// handleCORS adds the CORS headers for allowed origins. It reports whether r was a
// preflight request, which it has then answered. No endpoint reads a cookie, so a page can
// do no more than its token allows.
func (s *Server) handleCORS(w http.ResponseWriter, r *http.Request, method string) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && s.isAllowedOrigin(origin) {
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
