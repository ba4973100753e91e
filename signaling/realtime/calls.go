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

const (
	maxForm   = webrtc.MaxOffer + maxBody + 4<<10 // bytes of a multipart body: an offer and a session
	maxTarget = 256                               // bytes of the URI a call is transferred to
)

// createCall answers an SDP offer. The call goes on after the request has ended.
func (s *Server) createCall(w http.ResponseWriter, r *http.Request) error {
	who, err := s.authenticate(r, "webrtc")
	if err != nil {
		return err
	}
	offer, wanted, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if err := wanted.applyTo(&who); err != nil {
		return err
	}
	if err := s.o.Desk.Check(r.Context(), who); err != nil { // before the costly set-up of a connection
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
	s.calls.Go(func() { s.runPeer(call, who, peer) })
	h := w.Header()
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", "/v1/realtime/calls/"+call.ID())
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
	return nil
}

// runPeer waits until peer is connected and runs the call over it.
func (s *Server) runPeer(call *session.Call, who session.Caller, peer *webrtc.Peer) {
	unhook := context.AfterFunc(s.life, peer.Close)
	defer unhook()
	defer peer.Close()
	select {
	case <-peer.Ready():
		s.run(call, who, line{
			eventChannel: &dataChannel{peer}, source: peer.Source(), sink: peer.Sink(), dtmf: peer.DTMF(),
		})
	case <-peer.Done():
		call.HangUp()
	}
}

// dataChannel is the eventChannel of a WebRTC peer.
type dataChannel struct{ *webrtc.Peer }

// Err implements eventChannel.
func (d *dataChannel) Err() error {
	if err := d.Peer.Err(); !errors.Is(err, webrtc.ErrHungUp) {
		return err
	}
	return nil
}

// Close implements eventChannel.
func (d *dataChannel) Close() {
	d.Flush()
	d.Peer.Close()
}

// readOffer reads an SDP offer: either the whole body, or the form field "sdp" with the
// session's settings in the field "session".
func readOffer(w http.ResponseWriter, r *http.Request) (offer string, wanted settings, err error) {
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/sdp":
		r.Body = http.MaxBytesReader(w, r.Body, webrtc.MaxOffer)
		body, err := io.ReadAll(r.Body)
		return string(body), wanted, jsonFault(err)
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		return readForm(multipart.NewReader(r.Body, params["boundary"]))
	default:
		return "", wanted, fault.New(fault.Media, "unsupported Content-Type (want application/sdp, or multipart/form-data with the fields sdp and session)")
	}
}

func readForm(form *multipart.Reader) (offer string, wanted settings, err error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return offer, wanted, nil
		}
		if err != nil {
			return "", wanted, formFault(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return "", wanted, formFault(err)
		}
		switch part.FormName() {
		case "sdp":
			offer = string(body)
		case "session":
			if err := jsonFault(json.NewDecoder(bytes.NewReader(body)).Decode(&wanted)); err != nil {
				return "", wanted, err
			}
		}
	}
}

func formFault(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return jsonFault(err)
	}
	return fault.Wrap(err, fault.Invalid, "the body is not valid multipart/form-data")
}

// hangUp ends a call of the requesting caller, or any call for a server key.
func (s *Server) hangUp(w http.ResponseWriter, r *http.Request) error {
	call, err := s.ownCall(r)
	if err != nil {
		return err
	}
	call.HangUp()
	w.WriteHeader(http.StatusOK)
	return nil
}

// refer transfers a telephone call to {"target_uri": "tel:+493012345"}. It needs a server
// key.
func (s *Server) refer(w http.ResponseWriter, r *http.Request) error {
	call, err := s.ownCall(r)
	if err != nil {
		return err
	}
	if !s.o.Keys.Contains(bearerToken(r)) {
		return fault.New(fault.Forbidden, "a server key is needed to transfer a call")
	}
	var body struct {
		Target string `json:"target_uri"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.Target == "" || len(body.Target) > maxTarget || strings.ContainsAny(body.Target, " \r\n\t<>\"") {
		return fault.New(fault.Invalid, "target_uri must be a URI such as tel:+493012345678 or sip:anna@example.com")
	}
	if err := call.Refer(r.Context(), body.Target); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// refuseAcceptance answers the accept and reject endpoints of the schema.
func (s *Server) refuseAcceptance(_ http.ResponseWriter, r *http.Request) error {
	if _, err := s.ownCall(r); err != nil {
		return err
	}
	return fault.New(fault.Invalid, "Frontdesk answers calls by itself: they cannot be accepted or rejected")
}

// ownCall returns the call that the request's path names, if its caller may control it.
func (s *Server) ownCall(r *http.Request) (*session.Call, error) {
	who, err := s.authenticate(r, "")
	if err != nil {
		return nil, err
	}
	call, ok := s.o.Desk.Find(r.PathValue("id"))
	if !ok {
		return nil, fault.New(fault.NotFound, "the call is unknown or has ended")
	}
	if !call.IsOwner(who) {
		return nil, fault.New(fault.Forbidden, "the call belongs to another caller: use the token it began with, or a server key")
	}
	return call, nil
}
