package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear/endpoint"
	"frontdesk/dialog/provider/pocketsphinx"
	"frontdesk/internal/eval"
	"frontdesk/media"
	"frontdesk/tools"
)

const demoPages = "agents/demo/knowledge" // texts for the language model of the ears

// turn is the evidence of an endpointer in the silences of one recorded turn.
type turn struct {
	*eval.Recording
	moments []moment
}

// moment is one frame of silence.
type moment struct {
	ms       int // in the recording
	silence  time.Duration
	words    string
	features endpoint.Features
}

// isOver reports whether the turn is over at m.
func (t *turn) isOver(m moment) bool { return m.ms-int(m.silence.Milliseconds())+100 >= t.End }

// traceTurns plays the corpus to the ears under a condition.
func traceTurns(corpus []*eval.Recording, condition string) ([]*turn, error) {
	k, err := tools.OpenKnowledge(context.Background(), demoPages)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	ears, err := pocketsphinx.New(pocketsphinx.Config{Texts: k.Texts(), Cache: os.TempDir()})
	if err != nil {
		return nil, err
	}
	defer ears.Close()
	agent := &dialog.Agent{Recognizer: ears, Detector: func() dialog.VoiceDetector { return media.NewDetector() }}
	c, err := eval.FindCondition(condition)
	if err != nil {
		return nil, err
	}
	tr := tracer{turns: make(map[*eval.Recording]*turn), judges: make(map[string]*endpoint.Judge), last: make(map[string]*eval.Recording)}
	if err := eval.Trace(context.Background(), agent, corpus, c, tr.see); err != nil {
		return nil, err
	}
	var all []*turn
	for _, rec := range corpus {
		if t := tr.turns[rec]; t != nil {
			all = append(all, t)
		} else {
			fmt.Fprintln(os.Stderr, "no speech detected:", rec.File)
		}
	}
	return all, nil
}

// tracer collects the turns of a corpus.
type tracer struct {
	mu     sync.Mutex
	turns  map[*eval.Recording]*turn
	judges map[string]*endpoint.Judge // by voice
	last   map[string]*eval.Recording // by voice
}

// see adds the evidence of one frame.
func (r *tracer) see(s eval.Spoken, ms int, e dialog.Evidence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.judges[s.Voice]
	if j == nil {
		j = endpoint.NewJudge(nil, nil, "")
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
		t = &turn{Recording: s.Recording}
		r.turns[s.Recording] = t
	}
	if ms > s.Start {
		t.moments = append(t.moments, moment{ms, e.Silence, e.Words, *j.Features(e.Words, e.LastReply, e.Silence)})
	}
}
