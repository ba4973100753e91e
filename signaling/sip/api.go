package sip

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

const maxBody = 64 << 10 // bytes of a request

// API is the HTTP API to make calls. It requires a server key.
//
//	POST /v1/calls              starts a call; 201 with its Record
//	GET  /v1/calls/{id}         returns its Record
//	POST /v1/calls/{id}/hangup  ends it
//	POST /v1/calls/{id}/keys    sends DTMF digits: {"keys": "12#"}
type API struct {
	Server *Server // nil without a telephone
	Keys   session.Keys
	// Ticket returns what a call about a ticket is about, and the number of the line on which
	// its caller opened it, "" if there is none. The error is a fault.Error.
	Ticket func(ctx context.Context, id string) (line string, about *session.About, err error)
}

// callRequest is the body of POST /v1/calls.
type callRequest struct {
	To           string `json:"to"`
	Ticket       string `json:"ticket"` // calls its caller back
	Agent        string `json:"agent"`
	Trunk        string `json:"trunk"`
	From         string `json:"from"`
	Greeting     string `json:"greeting"`     // the first words of the agent
	Instructions string `json:"instructions"` // replace the agent's
	Known        string `json:"known"`        // names the person called, as frontdesk.caller does in POST /v1/realtime/client_secrets
	RingSeconds  int    `json:"ring_seconds"`
	Message      string `json:"message"` // for an answering machine
	Screen       *bool  `json:"screen"`  // detect answering machines; default true
}

// ServeHTTP implements http.Handler.
func (a API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body, err := a.serve(w, r)
	if err != nil {
		fault.Write(w, r, fault.From(err))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (a API) serve(w http.ResponseWriter, r *http.Request) (status int, body any, err error) {
	if err := a.authorize(r); err != nil {
		return 0, nil, err
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1/calls"), "/")
	id, action, _ := strings.Cut(path, "/")
	method := http.MethodPost
	if id != "" && action == "" {
		method = http.MethodGet
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		return 0, nil, fault.New(fault.Method, "%s accepts only %s", r.URL.Path, method)
	}
	switch {
	case id == "":
		return a.dial(w, r)
	case action == "":
	case action == "hangup":
		err = a.Server.HangUp(id)
	case action == "keys":
		var keys struct {
			Keys string `json:"keys"`
		}
		if err = decodeBody(r, &keys); err == nil {
			err = a.Server.SendDTMF(id, keys.Keys)
		}
	default:
		return 0, nil, fault.New(fault.NotFound, "%s does not exist (want hangup or keys after the call's ID)", r.URL.Path)
	}
	if err != nil {
		return 0, nil, err
	}
	record, err := a.Server.Find(id)
	return http.StatusOK, record, err
}

// authorize returns an error unless the request carries a server key and there is a
// telephone.
func (a API) authorize(r *http.Request) error {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case len(a.Keys) == 0:
		return fault.New(fault.Forbidden, "calls need a server key, and none is configured: set keys")
	case !strings.EqualFold(scheme, "Bearer") || !a.Keys.Contains(strings.TrimSpace(key)):
		return fault.New(fault.Unauthorized, "a server key is needed to make calls")
	case a.Server == nil:
		return fault.New(fault.Unavailable, "no telephone is configured: set sip")
	}
	return nil
}

func (a API) dial(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var c callRequest
	if err := decodeBody(r, &c); err != nil {
		return 0, nil, err
	}
	var about *session.About
	if c.Ticket != "" {
		line, ticket, err := a.Ticket(r.Context(), c.Ticket)
		if err != nil {
			return 0, nil, err
		}
		if about = ticket; c.To == "" {
			c.To = line
		}
		if c.To == "" {
			// The contact in a ticket may be anybody's number, so it is not dialed unasked.
			return 0, nil, fault.New(fault.Invalid, "the ticket was not opened by telephone, so no number is certain to be its caller's: give the number in \"to\"")
		}
	}
	if c.To == "" {
		return 0, nil, fault.New(fault.Invalid, "to is missing: the telephone number to call")
	}
	record, err := a.Server.Dial(r.Context(), DialRequest{
		To: c.To, From: c.From, Trunk: c.Trunk, Ring: time.Duration(c.RingSeconds) * time.Second,
		Caller: session.Caller{
			Agent: c.Agent, Instructions: c.Instructions, Greeting: c.Greeting, KnownAs: c.Known, RequestID: fault.RequestID(r.Context()),
			About: about,
		},
		Outbound: session.Outbound{DetectMachine: c.Screen == nil || *c.Screen, MachineMessage: c.Message},
	})
	if err == nil {
		w.Header().Set("Location", "/v1/calls/"+record.ID)
	}
	return http.StatusCreated, record, err
}

// decodeBody decodes a JSON body into v. It refuses unknown fields.
func decodeBody(r *http.Request, v any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Invalid, "the body of the request is incomplete")
	case len(raw) > maxBody:
		return fault.New(fault.TooLarge, "the request is larger than %d bytes", maxBody)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fault.Wrap(err, fault.Invalid, "%q has the wrong type (want %s)", wrongType.Field, wrongType.Type)
	case err != nil:
		return fault.Wrap(err, fault.Invalid, "invalid request: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
