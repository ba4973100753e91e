package fakeai

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"
)

const (
	rate      = 24000 // of speech answers, as OpenAI's
	piece     = rate / 10
	tone      = 440 // Hz
	loudness  = 8000
	character = 60 * time.Millisecond
)

func (s *Server) transcribe(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "Could not parse multipart form")
		return
	}
	defer file.Close()
	sound, err := io.ReadAll(file)
	if err != nil || len(sound) < 44 || string(sound[:4]) != "RIFF" || r.FormValue("model") == "" {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "Invalid file format.")
		return
	}
	fields := make(map[string]string)
	for k, v := range r.MultipartForm.Value {
		fields[k] = v[0]
	}
	s.note(r, sound, fields)
	if !pause(r.Context(), s.o.Hear) {
		return
	}
	text := s.transcript()
	if fields["stream"] != "true" {
		answer(w, map[string]any{"text": text})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, t := range tokens(text) {
		if !event(w, map[string]any{"type": "transcript.text.delta", "delta": t}) {
			return
		}
	}
	event(w, map[string]any{"type": "transcript.text.done", "text": text})
}

// transcript is the text of the next utterance.
func (s *Server) transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.o.Transcripts) == 0 {
		return ""
	}
	text := s.o.Transcripts[min(s.heard, len(s.o.Transcripts)-1)]
	s.heard++
	return text
}

func (s *Server) speak(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req struct {
		Model  string `json:"model"`
		Input  string `json:"input"`
		Voice  string `json:"voice"`
		Format string `json:"response_format"`
	}
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil || req.Model == "" || req.Input == "" || req.Voice == "" || (req.Format != "pcm" && req.Format != "wav") {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "Invalid request: model, input, voice and response_format pcm or wav are needed")
		return
	}
	s.note(r, body, nil)
	say := s.o.Speak
	if say == nil {
		say = hum
	}
	pcm := say(req.Input)
	w.Header().Set("Content-Type", "audio/pcm")
	if s.o.WAV || req.Format == "wav" {
		w.Header().Set("Content-Type", "audio/wav")
		_, _ = w.Write(wavHeader())
	}
	wait := s.o.FirstPCM
	for len(pcm) > 0 {
		if !pause(r.Context(), wait) {
			return
		}
		wait = s.o.PerPCM
		n := min(piece, len(pcm))
		if _, err := w.Write(s16le(pcm[:n])); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		pcm = pcm[n:]
	}
}

// hum is a tone as long as it would take to say the text.
func hum(text string) []int16 {
	pcm := make([]int16, int(character*rate/time.Second)*len([]rune(text)))
	for i := range pcm {
		pcm[i] = int16(loudness * math.Sin(2*math.Pi*tone*float64(i)/rate))
	}
	return pcm
}

func s16le(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// wavHeader begins a file of unknown length, as a server that streams must.
func wavHeader() []byte {
	b := append([]byte("RIFF\xff\xff\xff\xffWAVEfmt "), 16, 0, 0, 0, 1, 0, 1, 0)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 2*rate)
	return append(b, "\x02\x00\x10\x00data\xff\xff\xff\xff"...)
}
