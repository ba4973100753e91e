package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/webrtc"
)

// maxForm bounds a multipart body: an offer and a session.
const maxForm = webrtc.MaxOffer + maxBody + 4<<10

// call answers an SDP offer. The call goes on after the request, on its own.
func (s *Server) call(w http.ResponseWriter, r *http.Request) error {
	who, err := s.caller(r, "webrtc")
	if err != nil {
		return err
	}
	offer, asked, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if err := asked.override(&who); err != nil {
		return err
	}
	if err := s.o.Desk.Check(r.Context(), who); err != nil { // a connection is dear to prepare
		return err
	}
	peer, answer, err := s.o.Transport.Answer(r.Context(), offer)
	if err != nil {
		return err
	}
	call, err := s.o.Desk.Admit(r.Context(), who)
	if err != nil {
		peer.Close()
		return err
	}
	s.calls.Go(func() { s.converse(call, who, peer) })
	h := w.Header()
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", "/v1/realtime/calls/"+call.ID())
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
	return nil
}

// converse waits for the connection and runs the call over it.
func (s *Server) converse(call Call, who session.Caller, peer *webrtc.Peer) {
	unhook := context.AfterFunc(s.life, peer.Close)
	defer unhook()
	defer peer.Close()
	select {
	case <-peer.Ready():
		s.serve(call, who, carried{wire: &peerWire{Peer: peer, receive: peer.Receive()}, source: peer.Source(), sink: peer.Sink(), keys: peer.Keys()})
	case <-peer.Done():
		call.Hangup()
	}
}

// peerWire is a peer's data channel.
type peerWire struct {
	*webrtc.Peer
	receive func() ([]byte, error)
}

// Receive implements wire.
func (p *peerWire) Receive() ([]byte, error) { return p.receive() }

// Lost implements wire.
func (p *peerWire) Lost() error {
	if err := p.Err(); !errors.Is(err, webrtc.ErrHungUp) {
		return err
	}
	return nil
}

// Close implements wire.
func (p *peerWire) Close() {
	p.Flush()
	p.Peer.Close()
}

// readOffer takes an offer as the body, or as a form's "sdp" beside its "session".
func readOffer(w http.ResponseWriter, r *http.Request) (offer string, asked settings, err error) {
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/sdp":
		r.Body = http.MaxBytesReader(w, r.Body, webrtc.MaxOffer)
		body, err := io.ReadAll(r.Body)
		return string(body), asked, jsonFault(err)
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		return readForm(multipart.NewReader(r.Body, params["boundary"]))
	default:
		return "", asked, fault.New(fault.Media, "an offer is application/sdp, or multipart/form-data with an sdp and a session part")
	}
}

func readForm(form *multipart.Reader) (offer string, asked settings, err error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return offer, asked, nil
		}
		if err != nil {
			return "", asked, formFault(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return "", asked, formFault(err)
		}
		switch part.FormName() {
		case "sdp":
			offer = string(body)
		case "session":
			if err := jsonFault(json.NewDecoder(bytes.NewReader(body)).Decode(&asked)); err != nil {
				return "", asked, err
			}
		}
	}
}

func formFault(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return jsonFault(err)
	}
	return fault.Wrap(err, fault.Invalid, "the body is not the form its Content-Type says")
}

// hangup ends a call, for its own caller or a server key.
func (s *Server) hangup(w http.ResponseWriter, r *http.Request) error {
	call, err := s.named(r)
	if err != nil {
		return err
	}
	call.Hangup()
	w.WriteHeader(http.StatusOK)
	return nil
}

// refer transfers a telephone call, for those with a server key: {"target_uri": "tel:+493012345"}.
func (s *Server) refer(w http.ResponseWriter, r *http.Request) error {
	call, err := s.named(r)
	if err != nil {
		return err
	}
	if !s.o.Keys.Hold(bearer(r)) {
		return fault.New(fault.Forbidden, "a server key is needed to transfer a call")
	}
	var wish struct {
		To string `json:"target_uri"`
	}
	if err := readJSON(w, r, &wish); err != nil {
		return err
	}
	if wish.To == "" || len(wish.To) > maxTarget || strings.ContainsAny(wish.To, " \r\n\t<>\"") {
		return fault.New(fault.Invalid, "target_uri is missing, or no URI such as tel:+493012345678 or sip:anna@example.com")
	}
	if err := call.Refer(r.Context(), wish.To); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

const maxTarget = 256 // bytes of a URI

func (s *Server) notForThisCall(_ http.ResponseWriter, r *http.Request) error {
	if _, err := s.named(r); err != nil {
		return err
	}
	return fault.New(fault.Invalid, "calls are answered by themselves: there is nothing to accept or reject")
}

func (s *Server) named(r *http.Request) (Call, error) {
	who, err := s.caller(r, "")
	if err != nil {
		return nil, err
	}
	call, ok := s.o.Desk.Find(r.PathValue("id"))
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such call, or it is over")
	}
	if !call.Owner(who) {
		return nil, fault.New(fault.Forbidden, "this is another caller's call: its own token or a server key is needed")
	}
	return call, nil
}
