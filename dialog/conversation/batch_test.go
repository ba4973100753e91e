package conversation

import (
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestBatchRecognizerIsAskedAtThePause(t *testing.T) {
	recognizer := &batchRecognizer{delay: 200 * time.Millisecond}
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel, Recognizer: recognizer}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	turn := p.turns()[0]
	if turn.Caller != "where is my order" || strings.Join(recognizer.transcripts, "|") != "where is my order" {
		t.Errorf("transcript %q, the recognizer was asked for %q", turn.Caller, recognizer.transcripts)
	}
	if took := turn.Times.Transcript.Sub(turn.Times.SpeechEnd); took > 120*time.Millisecond+recognizer.delay+60*time.Millisecond {
		t.Errorf("the transcript came %v after the end of speech (%s)", took, turn.EndpointReason)
	}
}

func TestBatchRecognizerGetsWordsAfterAPause(t *testing.T) {
	recognizer := &batchRecognizer{delay: 100 * time.Millisecond}
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel, Recognizer: recognizer}, Options{}, func(p *fakePhone) {
		p.says("my order number is - - four seven three two nine")
		p.wait(5 * time.Second)
	})
	want := "my order number is four seven three two nine"
	if turns := p.turns(); len(turns) != 1 || turns[0].Caller != want {
		t.Errorf("unexpected turns %+v", turns)
	}
	if n := len(recognizer.transcripts); n != 2 || recognizer.transcripts[0] != "my order number is" || recognizer.transcripts[1] != want {
		t.Errorf("the recognizer was asked for %q", recognizer.transcripts)
	}
}

func TestSlowBatchRecognizerIsAskedOnce(t *testing.T) {
	recognizer := &batchRecognizer{delay: 2 * time.Second}
	p, _ := voiceCall(t, &dialog.Agent{Model: echoModel, Recognizer: recognizer}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(9 * time.Second)
	})
	if turns := p.turns(); len(turns) != 1 || turns[0].Caller != "where is my order" || len(recognizer.transcripts) != 1 {
		t.Errorf("turns %+v, the recognizer was asked for %q", turns, recognizer.transcripts)
	}
}
