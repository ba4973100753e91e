package conversation

import (
	"context"
	"errors"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

const (
	firstTokenWait = 10 * time.Second // for a model's first chunk
	stallWait      = 8 * time.Second  // for each further one
	retryWithin    = 4 * time.Second  // a model that failed sooner is asked once more
	maxSteps       = 6                // of a reply that use tools; then the model must answer
)

// written is what a step of a reply brought.
type written struct {
	text   string
	calls  []tools.Call
	usage  dialog.Usage
	notice *dialog.Notice
	err    error
}

// step asks the model for the next part of a reply.
func (l *loop) step(r *reply) {
	r.steps++
	p := l.prompt(r)
	l.spawn(func() func() {
		began := time.Now()
		w := l.stream(r, p)
		if w.err != nil && w.text == "" && len(w.calls) == 0 && fault.IsRetryable(w.err) &&
			r.ctx.Err() == nil && time.Since(began) < retryWithin {
			w = l.stream(r, p)
		}
		return func() { l.stepped(r, w) }
	})
}

func (l *loop) prompt(r *reply) dialog.Prompt {
	record := memoryPrompt(l.memory)
	messages := l.history.recent(l.memory, l.budget()-len(record))
	for i, m := range messages {
		if draft := r.drafts[m.ID]; draft != "" {
			messages[i].Text = draft
		}
	}
	p := dialog.Prompt{Agent: l.agent, Instructions: spokenRules, Messages: messages}
	if l.instructions != "" {
		p.Instructions = l.instructions + "\n\n" + spokenRules
	}
	if record != "" {
		p.Instructions += "\n\n" + record
	}
	if r.broken != nil && r.broken.Text != "" {
		p.Messages = r.resumed(p.Messages)
		p.Instructions += "\n\n" + goOnRules
	}
	if r.steps <= maxSteps {
		p.Tools = l.specs()
	}
	return p
}

var errSilentModel = errors.New("the model fell silent")

// stream writes what the model says to the script. It runs beside the loop.
func (l *loop) stream(r *reply, p dialog.Prompt) written {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(firstTokenWait, func() { cancel(errSilentModel) })
	defer watchdog.Stop()
	var w written
	var c mouth.Cutter
	chunks := l.agent.Model.Reply(ctx, p)
	if made := r.guess.reply(p); made != nil {
		chunks = made.All(ctx)
	}
	for chunk, err := range chunks {
		watchdog.Stop() // the mouth's pace is not the model's fault
		if err != nil {
			w.err = modelError(ctx, err)
			break
		}
		if !l.take(r, &w, &c, chunk) {
			break
		}
		watchdog.Reset(stallWait)
	}
	if w.err == nil && context.Cause(ctx) != nil {
		w.err = modelError(ctx, context.Cause(ctx))
	}
	l.write(r, c.Flush())
	return w
}

// take adds a chunk to what was written and reports whether to go on.
func (l *loop) take(r *reply, w *written, c *mouth.Cutter, chunk dialog.Chunk) bool {
	if chunk.Notice != nil {
		w.notice = chunk.Notice
	}
	if chunk.Usage != nil {
		w.usage = *chunk.Usage
	}
	if chunk.Call != nil {
		w.calls = append(w.calls, *chunk.Call)
	}
	if chunk.Text == "" {
		return true
	}
	if w.text == "" {
		at := time.Now()
		l.post(func() {
			if r.turn.Times.FirstToken.IsZero() {
				r.turn.Times.FirstToken = at
			}
		})
	}
	w.text += chunk.Text
	for clause := range c.Add(chunk.Text) {
		if !l.write(r, clause) {
			return false
		}
	}
	return true
}

func modelError(ctx context.Context, err error) error {
	if context.Cause(ctx) == errSilentModel {
		return fault.Wrap(errSilentModel, fault.Timeout, "the model took too long")
	}
	return err
}

// stepped goes on after a step: with its tools, with an apology, or to the end.
func (l *loop) stepped(r *reply, w written) {
	for _, u := range []*dialog.Usage{&r.used, &r.turn.Usage} {
		u.Input += w.usage.Input
		u.Output += w.usage.Output
	}
	if r.isCut {
		return
	}
	if n := w.notice; n != nil {
		l.notice(n.Code, n.Text, n.Err)
	} else if w.err == nil {
		l.recovered("model_replaced")
	}
	switch {
	case w.err != nil:
		l.apologise(r, w.err)
	case len(w.calls) > 0 && r.steps <= maxSteps:
		l.failures = 0
		l.useTools(r, w)
	default:
		l.failures = 0
		l.recovered("model_lost")
		l.conclude(r, notUnderstood)
	}
}

// conclude closes a reply, and says fallback when nothing at all was written.
func (l *loop) conclude(r *reply, fallback string) {
	if !r.silent() {
		l.close(r)
		return
	}
	l.spawn(func() func() {
		l.recite(r, fallback)
		return func() { l.close(r) }
	})
}

// apologise ends a reply whose model failed. The conversation goes on.
func (l *loop) apologise(r *reply, err error) {
	r.failed = true
	r.turn.fail(err)
	l.notice("model_lost", modelLost, err)
	sorry := apologies[l.failures%len(apologies)]
	l.failures++
	l.spawn(func() func() {
		l.recite(r, sorry)
		return func() { l.close(r) }
	})
}

// specs is every tool the model may use now.
func (l *loop) specs() []tools.Spec {
	specs := slices.DeleteFunc(l.agent.Tools.Specs(), func(s tools.Spec) bool { return s.Name == endCall.Name })
	for _, s := range l.clientTools {
		if !slices.ContainsFunc(specs, func(o tools.Spec) bool { return o.Name == s.Name }) {
			specs = append(specs, s)
		}
	}
	return append(specs, endCall)
}
