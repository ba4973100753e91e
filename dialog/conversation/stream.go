package conversation

import (
	"context"
	"errors"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	firstTokenTimeout = 10 * time.Second // for a model's first chunk
	stallTimeout      = 8 * time.Second  // for each further chunk
	retryWithin       = 4 * time.Second  // a model that failed sooner is asked once more
	maxSteps          = 6                // of a reply that call tools; then the model must answer
)

// answer is what the model wrote in one step of a reply.
type answer struct {
	text   string
	calls  []tools.Call
	usage  dialog.Usage
	notice *dialog.Notice
	err    error
}

// askModel asks the model for the next step of r and writes its text to the script. A
// model that fails at once is asked again, once.
func (c *conversation) askModel(r *reply, p dialog.Prompt) answer {
	started := time.Now()
	a := c.stream(r, p)
	if a.err != nil && a.text == "" && len(a.calls) == 0 && fault.IsRetryable(a.err) &&
		r.ctx.Err() == nil && time.Since(started) < retryWithin {
		return c.stream(r, p)
	}
	return a
}

// modelAnswered counts what a step has cost and tells the caller which model works.
func (c *conversation) modelAnswered(r *reply, a answer) {
	r.usage.Add(a.usage)
	r.turn.Usage.Add(a.usage)
	if r.cut.done {
		return
	}
	if n := a.notice; n != nil {
		c.raiseNotice(n.Code, n.Text, n.Err)
	} else if a.err == nil {
		c.clearNotice("model_replaced")
	}
	if a.err == nil {
		c.notices.modelFailures = 0
		if len(a.calls) == 0 {
			c.clearNotice("model_lost")
		}
	}
}

// apologize ends a reply whose model failed. The conversation goes on.
func (c *conversation) apologize(r *reply, err error) {
	var apology string
	c.do(func() {
		if r.cut.done {
			return
		}
		r.hasFailed = true
		r.turn.fail(err)
		c.raiseNotice("model_lost", c.texts().notices.modelLost, err)
		apology = c.texts().apologies[c.notices.modelFailures%len(c.texts().apologies)]
		c.notices.modelFailures++
	})
	c.writeText(r, apology)
}

// prompt returns what the model is asked in a step of r, from 1.
func (c *conversation) prompt(r *reply, step int) dialog.Prompt {
	memory := memoryPrompt(c.recall.memory)
	messages := c.recall.history.recent(c.recall.memory, c.historyBudget()-len(memory))
	for i, m := range messages {
		if draft := r.text.drafts[m.ID]; draft != "" {
			messages[i].Text = draft
		}
	}
	p := dialog.Prompt{Agent: c.agent, Instructions: spokenRules, Messages: messages, Now: c.agent.Handover.Hours.In(c.o.Now())}
	c.recall.facts.SetNow(c.agent.Handover.Hours.Facts(p.Now))
	if c.instructions != "" {
		p.Instructions = c.instructions + "\n\n" + spokenRules
	}
	if c.o.Purpose != "" {
		p.Instructions += "\n\n" + c.o.Purpose
	}
	if !words.IsEnglish(c.agent.Language) {
		p.Instructions += "\n\nAnswer in the language with the BCP 47 tag " + c.agent.Language + "."
	}
	if memory != "" {
		p.Instructions += "\n\n" + memory
	}
	if r.resumes != nil && r.resumes.Text != "" {
		p.Messages = withResumed(p.Messages, r.resumes)
		p.Instructions += "\n\n" + resumeRules
	}
	if step <= maxSteps {
		p.Tools = c.toolSpecs()
	}
	return p
}

// toolSpecs returns every tool that the model may call now.
func (c *conversation) toolSpecs() []tools.Spec {
	specs := slices.DeleteFunc(c.agent.Tools.Specs(), func(s tools.Spec) bool { return s.Name == endCall.Name })
	for _, s := range c.clientTools.specs {
		if !slices.ContainsFunc(specs, func(o tools.Spec) bool { return o.Name == s.Name }) {
			specs = append(specs, s)
		}
	}
	return append(specs, endCall)
}

var errModelSilent = errors.New("the model sent nothing in time")

// stream asks the model once and writes its text to the script as it comes.
func (c *conversation) stream(r *reply, p dialog.Prompt) answer {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(firstTokenTimeout, func() { cancel(errModelSilent) })
	defer watchdog.Stop()
	var a answer
	var cutter mouth.Cutter
	chunks := c.agent.Model.Reply(ctx, p)
	if prepared := r.guess.answerTo(p); prepared != nil {
		chunks = prepared.All(ctx)
	}
	for chunk, err := range chunks {
		watchdog.Stop() // time spent waiting for the mouth does not count
		if err != nil {
			a.err = modelError(ctx, err)
			break
		}
		if !c.addChunk(r, &a, &cutter, chunk) {
			break
		}
		watchdog.Reset(stallTimeout)
	}
	if a.err == nil && context.Cause(ctx) != nil {
		a.err = modelError(ctx, context.Cause(ctx))
	}
	c.writeChecked(r, cutter.Flush())
	return a
}

// addChunk adds a chunk to a, writes the clauses it completes, and reports whether the
// model may go on.
func (c *conversation) addChunk(r *reply, a *answer, cutter *mouth.Cutter, chunk dialog.Chunk) bool {
	if chunk.Notice != nil {
		a.notice = chunk.Notice
	}
	if chunk.Usage != nil {
		a.usage = *chunk.Usage
	}
	if chunk.Call != nil {
		a.calls = append(a.calls, *chunk.Call)
	}
	if chunk.Text == "" {
		return true
	}
	if a.text == "" {
		at := time.Now()
		c.post(func() {
			if r.turn.Times.FirstToken.IsZero() {
				r.turn.Times.FirstToken = at
			}
		})
	}
	a.text += chunk.Text
	for clause := range cutter.Add(chunk.Text) {
		if !c.writeChecked(r, clause) {
			return false
		}
	}
	return true
}

func modelError(ctx context.Context, err error) error {
	if context.Cause(ctx) == errModelSilent {
		return fault.Wrap(errModelSilent, fault.Timeout, "the model took too long")
	}
	return err
}
