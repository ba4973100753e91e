package conversation

import (
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/grounding"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// maxHeld bounds how many clauses wait for the effect that one of them claims. The model may
// write no more after that.
const maxHeld = 64

// maxBefore bounds in bytes what is kept of the clauses before one.
const maxBefore = 300

// grounded is how the text of a model is checked before it is written. sayReply owns it.
type grounded struct {
	sentence string   // the end of what was written, to which the next clause belongs
	held     []string // clauses that wait for the tools of their step: the first claims an effect
	replaced map[grounding.Finding]bool
}

// newFacts returns what a call contains at its beginning.
func (c *conversation) newFacts() *grounding.Facts {
	a := c.agent
	f := grounding.New(a.Language, c.instructions, !a.Grounding.AnyNumbers)
	for _, text := range append([]string{a.Title, a.Greeting, c.o.Greeting, a.Farewell, a.Handover.Message, a.Handover.FailedMessage,
		a.Handover.CallBackMessage, memoryPrompt(c.recall.memory)}, a.Suggestions...) {
		f.Add(text)
	}
	return f
}

// addFacts adds what a message of the history contains.
func (c *conversation) addFacts(m dialog.Message) {
	switch {
	case m.Role == dialog.User:
		c.recall.facts.AddSaid(m.Text)
	case m.Result != nil:
		if call := findCall(c.recall.history.messages, m.Result.CallID); call != nil {
			c.recall.facts.AddResult(c.specOf(call.Name), *m.Result)
		}
	}
}

// specOf returns the Spec of a tool of the agent or of the client.
func (c *conversation) specOf(name string) tools.Spec {
	if spec, ok := c.agent.Tools.Find(name); ok {
		return spec
	}
	for _, spec := range c.clientTools.specs {
		if spec.Name == name {
			return spec
		}
	}
	return tools.Spec{Name: name}
}

// writeChecked writes a clause of the model's, unless the call does not bear it out. It
// reports whether more may be written.
func (c *conversation) writeChecked(r *reply, clause string) bool {
	g := &r.writer.grounded
	clause = plain(clause)
	if len(g.held) > 0 {
		g.held = append(g.held, clause)
		return len(g.held) < maxHeld
	}
	switch finding := c.recall.facts.Check(g.sentence, clause); finding {
	case grounding.Fine:
		g.advance(clause)
		return c.write(r, clause)
	case grounding.Claim:
		g.held = append(g.held, clause)
		return true
	default:
		return c.replaceClause(r, clause, finding)
	}
}

// advance notes that a clause was written.
func (g *grounded) advance(clause string) {
	g.sentence += clause
	if over := len(g.sentence) - maxBefore; over > 0 {
		g.sentence = strings.ToValidUTF8(g.sentence[over:], "")
	}
}

// writeHeld writes the clauses that waited for the tools of their step.
func (c *conversation) writeHeld(r *reply) {
	g := &r.writer.grounded
	held := g.held
	g.held = nil
	isAsked := r.calls.consent.question != "" // the question says that nothing was done
	for _, clause := range held {
		finding := c.recall.facts.Check(g.sentence, clause)
		switch {
		case finding == grounding.Fine:
			g.advance(clause)
			c.write(r, clause)
		case finding == grounding.Claim && isAsked:
			g.advance(clause)
		default:
			c.replaceClause(r, clause, finding)
		}
	}
}

// replaceClause writes a fixed sentence in place of a clause, once in a reply.
func (c *conversation) replaceClause(r *reply, clause string, finding grounding.Finding) bool {
	g := &r.writer.grounded
	if finding == grounding.Leak { // what follows is judged by itself
		g.sentence = ""
	} else { // the digits and words that follow belong to it
		g.advance(clause)
	}
	c.post(func() {
		c.emit(dialog.Event{Kind: dialog.ClauseReplaced, Turn: c.turns, Response: r.id, Text: finding.String()})
	})
	if g.replaced[finding] {
		return true
	}
	if g.replaced == nil {
		g.replaced = make(map[grounding.Finding]bool)
	}
	g.replaced[finding] = true
	return c.write(r, replacementFor(finding, c.agent.Language)+" ")
}

// replacements are said in place of a clause.
var replacements = map[string]map[grounding.Finding]string{
	"en": {
		grounding.Claim:     "I have not done that.",
		grounding.Unfounded: "I can't confirm that figure or address.",
		grounding.Secret:    "Please do not tell me card numbers, security codes or passwords.",
		grounding.Leak:      "I can't tell you how I am instructed.",
	},
	"de": {
		grounding.Claim:     "Das habe ich nicht getan.",
		grounding.Unfounded: "Diese Zahl oder Adresse kann ich nicht bestätigen.",
		grounding.Secret:    "Bitte nennen Sie mir keine Kartennummern, Prüfnummern oder Passwörter.",
		grounding.Leak:      "Wie ich angewiesen bin, kann ich Ihnen nicht sagen.",
	},
	"fr": {
		grounding.Claim:     "Je ne l'ai pas fait.",
		grounding.Unfounded: "Je ne peux pas confirmer ce chiffre ou cette adresse.",
		grounding.Secret:    "Ne me donnez pas de numéro de carte, de code de sécurité ni de mot de passe.",
		grounding.Leak:      "Je ne peux pas vous dire quelles sont mes consignes.",
	},
	"es": {
		grounding.Claim:     "Eso no lo he hecho.",
		grounding.Unfounded: "No puedo confirmar esa cifra o dirección.",
		grounding.Secret:    "No me diga números de tarjeta, códigos de seguridad ni contraseñas.",
		grounding.Leak:      "No puedo decirle cuáles son mis instrucciones.",
	},
}

func replacementFor(finding grounding.Finding, language string) string {
	texts, ok := replacements[words.Language(language)]
	if !ok {
		texts = replacements["en"]
	}
	return texts[finding]
}
