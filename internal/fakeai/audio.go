package fakeai

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"
)

const (
	rate          = 24000 // Hz, of speech as OpenAI sends it
	pieceLen      = rate / 10
	toneFrequency = 440 // Hz
	amplitude     = 8000
	characterTime = 60 * time.Millisecond
)

func (s *Server) transcribe(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "Could not parse multipart form")
		return
	}
	defer file.Close()
	audio, err := io.ReadAll(file)
	if err != nil || len(audio) < 44 || string(audio[:4]) != "RIFF" || r.FormValue("model") == "" {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "Invalid file format.")
		return
	}
	fields := make(map[string]string)
	for k, v := range r.MultipartForm.Value {
		fields[k] = v[0]
	}
	s.record(audio, fields)
	writeJSON(w, map[string]any{"text": s.transcript(audio)})
}

// transcript returns the transcript of an utterance. The first half second of audio tells
// an utterance that is transcribed again, now that it is longer, from a new one.
func (s *Server) transcript(wav []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.o.Transcripts) == 0 {
		return ""
	}
	const header, halfSecond = 44, 16000
	start := sha256.Sum256(wav[header:min(len(wav), header+halfSecond)])
	i, isKnown := s.utterances[start]
	if !isKnown {
		i = len(s.utterances)
		s.utterances[start] = i
	}
	return s.o.Transcripts[min(i, len(s.o.Transcripts)-1)]
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
		writeError(w, http.StatusBadRequest, "invalid_request_error", "Invalid request: model, input, voice and response_format (pcm or wav) are required")
		return
	}
	s.record(body, nil)
	speak := s.o.Speak
	if speak == nil {
		speak = tone
	}
	pcm := speak(req.Input)
	w.Header().Set("Content-Type", "audio/pcm")
	if s.o.WAV || req.Format == "wav" {
		w.Header().Set("Content-Type", "audio/wav")
		_, _ = w.Write(wavHeader())
	}
	for len(pcm) > 0 {
		n := min(pieceLen, len(pcm))
		if _, err := w.Write(s16le(pcm[:n])); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		pcm = pcm[n:]
	}
}

// tone returns a tone that lasts about as long as saying the text.
func tone(text string) []int16 {
	pcm := make([]int16, int(characterTime*rate/time.Second)*len([]rune(text)))
	for i := range pcm {
		pcm[i] = int16(amplitude * math.Sin(2*math.Pi*toneFrequency*float64(i)/rate))
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

// wavHeader returns the header of a WAV file of unknown length, as streaming servers send it.
func wavHeader() []byte {
	b := append([]byte("RIFF\xff\xff\xff\xffWAVEfmt "), 16, 0, 0, 0, 1, 0, 1, 0)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 2*rate)
	return append(b, "\x02\x00\x10\x00data\xff\xff\xff\xff"...)
}
