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

const demoPages = "agents/demo/knowledge" // what the ears expect to hear about

// turn is what an endpointer knows in the silences of one recorded turn.
type turn struct {
	*eval.Recording
	condition string
	moments   []moment
}

// moment is one frame of silence.
type moment struct {
	ms       int // in the recording
	silence  time.Duration
	words    string
	features endpoint.Features
}

// over reports whether the turn is over then.
func (t *turn) over(m moment) bool { return m.ms-int(m.silence.Milliseconds())+100 >= t.End }

// traces plays the corpus to the ears under each condition.
func traces(corpus []*eval.Recording, conditions []string) ([]*turn, error) {
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
	var all []*turn
	for _, name := range conditions {
		c, err := eval.FindCondition(name)
		if err != nil {
			return nil, err
		}
		r := recorder{condition: name, turns: make(map[*eval.Recording]*turn), judges: make(map[string]*endpoint.Judge), last: make(map[string]*eval.Recording)}
		if err := eval.Trace(context.Background(), agent, corpus, c, r.saw); err != nil {
			return nil, err
		}
		for _, rec := range corpus {
			if t := r.turns[rec]; t != nil {
				all = append(all, t)
			} else {
				fmt.Fprintln(os.Stderr, "not heard:", name, rec.File)
			}
		}
	}
	return all, nil
}

// recorder keeps what is seen under one condition.
type recorder struct {
	condition string
	mu        sync.Mutex
	turns     map[*eval.Recording]*turn
	judges    map[string]*endpoint.Judge // by voice
	last      map[string]*eval.Recording // by voice
}

func (r *recorder) saw(s eval.Spoken, ms int, e dialog.Evidence) {
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
		t = &turn{Recording: s.Recording, condition: r.condition}
		r.turns[s.Recording] = t
	}
	if ms > s.Start {
		t.moments = append(t.moments, moment{ms, e.Silence, e.Words, *j.Features(e.Words, e.LastReply, e.Silence)})
	}
}
