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

const maxRequest = 64 << 10 // bytes

// API lets those with a server key make calls:
//
//	POST /v1/calls              begins one; 201 with its Record
//	GET  /v1/calls/{id}         its Record
//	POST /v1/calls/{id}/hangup  ends it
//	POST /v1/calls/{id}/keys    presses {"keys": "12#"}
type API struct {
	Server *Server // nil where there is no telephone
	Keys   session.Keys
	// Ticket finds whom a ticket's caller is reached at, and what it is about, in words
	// for the agent. The error is a fault.Error.
	Ticket func(ctx context.Context, id string) (contact, about string, err error)
}

// order is the body of POST /v1/calls.
type order struct {
	To           string `json:"to"`
	Ticket       string `json:"ticket"` // call back whoever opened it
	Agent        string `json:"agent"`
	Trunk        string `json:"trunk"`
	From         string `json:"from"`
	Greeting     string `json:"greeting"`     // what the agent says first
	Instructions string `json:"instructions"` // in place of the agent's
	Known        string `json:"known"`        // as frontdesk.caller of client_secrets
	RingSeconds  int    `json:"ring_seconds"`
	Message      string `json:"message"` // left on an answering machine
	Screen       *bool  `json:"screen"`  // tell answering machines from people; default true
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
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case len(a.Keys) == 0:
		return 0, nil, fault.New(fault.Forbidden, "calls are made for those who have a server key, and none is configured: set keys")
	case !strings.EqualFold(scheme, "Bearer") || !a.Keys.Contains(strings.TrimSpace(key)):
		return 0, nil, fault.New(fault.Unauthorized, "a server key is needed to make calls")
	case a.Server == nil:
		return 0, nil, fault.New(fault.Unavailable, "there is no telephone here: configure sip")
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1/calls"), "/")
	id, action, _ := strings.Cut(path, "/")
	method := http.MethodPost
	if id != "" && action == "" {
		method = http.MethodGet
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		return 0, nil, fault.New(fault.Method, "%s takes %s only", r.URL.Path, method)
	}
	switch {
	case id == "":
		return a.dial(w, r)
	case action == "":
		record, err := a.Server.Find(id)
		return http.StatusOK, record, err
	case action == "hangup":
		err = a.Server.HangUp(id)
	case action == "keys":
		var wish struct {
			Keys string `json:"keys"`
		}
		if err = read(r, &wish); err == nil {
			err = a.Server.Press(id, wish.Keys)
		}
	default:
		return 0, nil, fault.New(fault.NotFound, "there is nothing at %s", r.URL.Path)
	}
	if err != nil {
		return 0, nil, err
	}
	record, err := a.Server.Find(id)
	return http.StatusOK, record, err
}

func (a API) dial(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var o order
	if err := read(r, &o); err != nil {
		return 0, nil, err
	}
	if o.Ticket != "" {
		contact, about, err := a.Ticket(r.Context(), o.Ticket)
		if err != nil {
			return 0, nil, err
		}
		if o.To == "" {
			o.To = contact
		}
		if o.Instructions == "" {
			o.Instructions = about
		}
	}
	if o.To == "" {
		return 0, nil, fault.New(fault.Invalid, "to is missing: the telephone number to call")
	}
	record, err := a.Server.Dial(r.Context(), Outgoing{
		To: o.To, From: o.From, Trunk: o.Trunk, Ring: time.Duration(o.RingSeconds) * time.Second,
		Caller: session.Caller{
			Agent: o.Agent, Instructions: o.Instructions, Greeting: o.Greeting, KnownAs: o.Known, RequestID: fault.RequestID(r.Context()),
		},
		Outbound: session.Outbound{DetectMachine: o.Screen == nil || *o.Screen, MachineMessage: o.Message},
	})
	if err == nil {
		w.Header().Set("Location", "/v1/calls/"+record.ID)
	}
	return http.StatusCreated, record, err
}

// read reads a body of JSON, and nothing that is not known.
func read(r *http.Request, v any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Invalid, "the request broke off")
	case len(raw) > maxRequest:
		return fault.New(fault.TooLarge, "the request is larger than %d bytes", maxRequest)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fault.Wrap(err, fault.Invalid, "%q is of the wrong type", kind.Field)
	case err != nil:
		return fault.Wrap(err, fault.Invalid, "the request is no JSON that is known here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
