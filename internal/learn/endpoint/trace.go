package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear/endpoint"
	"frontdesk/dialog/provider/moonshine"
	"frontdesk/dialog/provider/pocketsphinx"
	"frontdesk/dialog/provider/silero"
	"frontdesk/internal/eval"
	"frontdesk/internal/models"
	"frontdesk/internal/onnx"
	"frontdesk/internal/phrasebook"
	"frontdesk/tools/knowledge"
)

const demoPages = "agents/demo/knowledge" // texts for the language model of the ears

// turn is the evidence of an endpointer in the silences of one recorded turn.
type turn struct {
	Condition string
	File      string
	Utterance string // the same for recordings of the same words
	Text      string
	End       int // ms in the recording
	HasPause  bool
	Moments   []moment

	group string // the trace it is from
}

// moment is one frame of silence.
type moment struct {
	Ms      int // in the recording
	Silence time.Duration
	Words   string
	Prosody map[string]float64 // features by name

	features endpoint.Features
	logit    float64
}

// prosody are the names of the features that come from the audio of the turn.
var prosody = []string{"pitch", "slowing", "island"}

// isOver reports whether the turn is over at m.
func (t *turn) isOver(m moment) bool { return m.Ms-int(m.Silence.Milliseconds())+100 >= t.End }

// writeTrace plays the corpus of a manifest to the ears under a condition and writes the
// turns to a file.
func writeTrace(recognizer, manifest, condition, file string) error {
	corpus, err := eval.Load(manifest)
	if err != nil {
		return err
	}
	c, err := eval.FindCondition(condition)
	if err != nil {
		return err
	}
	ears, closer, err := openRecognizer(recognizer)
	if err != nil {
		return err
	}
	defer closer.Close()
	dir, err := models.Dir()
	if err != nil {
		return err
	}
	cache := models.Open(dir)
	voice, err := silero.Open(silero.Config{Model: cache.Path("silero-vad", "silero_vad.onnx"), Library: cache.Path("onnxruntime", "libonnxruntime.so")})
	if err != nil {
		return err
	}
	defer voice.Close()
	agent := &dialog.Agent{Recognizer: ears, Detector: voice.Fused}
	tr := tracer{condition: condition, turns: make(map[*eval.Recording]*turn), judges: make(map[string]*endpoint.Judge), last: make(map[string]*eval.Recording)}
	if err := eval.Trace(context.Background(), agent, corpus, c, tr.see); err != nil {
		return err
	}
	var all []*turn
	for _, rec := range corpus {
		if t := tr.turns[rec]; t != nil {
			all = append(all, t)
		} else {
			fmt.Fprintln(os.Stderr, "no speech detected:", rec.File)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

// openRecognizer opens one of the embedded recognizers.
func openRecognizer(name string) (dialog.Recognizer, io.Closer, error) {
	k, err := knowledge.Open(context.Background(), demoPages, knowledge.Options{Language: "en"})
	if err != nil {
		return nil, nil, err
	}
	defer k.Close()
	switch name {
	case "pocketsphinx":
		r, err := pocketsphinx.New(pocketsphinx.Config{Texts: k.Texts(), Cache: os.TempDir()})
		return r, r, err
	case "moonshine":
		dir, err := models.Dir()
		if err != nil {
			return nil, nil, err
		}
		cache := models.Open(dir)
		rt, err := onnx.Load(onnx.Config{Library: cache.Path("onnxruntime", "libonnxruntime.so")})
		if err != nil {
			return nil, nil, err
		}
		r, err := moonshine.Open(moonshine.Config{Runtime: rt, Dir: cache.Path("moonshine-base-en", "")})
		if err != nil {
			return nil, nil, err
		}
		v, err := r.NewVocabulary(phrasebook.Knowledge{Texts: k.Texts()})
		return r.For(v), r, err
	}
	return nil, nil, fmt.Errorf("unknown recognizer %q (want pocketsphinx or moonshine)", name)
}

// readTraces reads the turns that writeTrace wrote.
func readTraces(files []string) ([]*turn, error) {
	var all []*turn
	j := endpoint.NewJudge(nil, "")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var turns []*turn
		if err := json.Unmarshal(b, &turns); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, t := range turns {
			t.group = filepath.Base(file)
			for i := range t.Moments {
				m := &t.Moments[i]
				m.features = *j.Features(m.Words, "", m.Silence)
				for _, name := range prosody {
					m.features[slices.Index(endpoint.Names[:], name)] = m.Prosody[name]
				}
			}
		}
		all = append(all, turns...)
	}
	return all, nil
}

// tracer collects the turns of a corpus.
type tracer struct {
	condition string
	mu        sync.Mutex
	turns     map[*eval.Recording]*turn
	judges    map[string]*endpoint.Judge // by voice
	last      map[string]*eval.Recording // by voice
}

// see adds the evidence of one frame.
func (r *tracer) see(s eval.Spoken, ms int, e dialog.Evidence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.judges[s.Voice]
	if j == nil {
		j = endpoint.NewJudge(nil, "")
		r.judges[s.Voice] = j
	}
	if r.last[s.Voice] != s.Recording {
		r.last[s.Voice] = s.Recording
		j.Reset(time.Minute)
	}
	if e.IsSpeech {
		j.Hear(e.Frame)
		return
	}
	t := r.turns[s.Recording]
	if t == nil {
		t = &turn{Condition: r.condition, File: s.File, Utterance: s.Utt, Text: s.Text, End: s.End, HasPause: len(s.Pauses) > 0}
		r.turns[s.Recording] = t
	}
	if ms <= s.Start {
		return
	}
	m := moment{Ms: ms, Silence: e.Silence, Words: e.Words, Prosody: make(map[string]float64)}
	f := j.Features(e.Words, e.LastReply, e.Silence)
	for _, name := range prosody {
		m.Prosody[name] = f[slices.Index(endpoint.Names[:], name)]
	}
	t.Moments = append(t.Moments, m)
}
