package grounding

import (
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// family holds the verbs that tell the same kind of effect: base forms, which occur in names
// of tools, and past forms by language, which occur in claims. All are folded.
type family struct {
	name, base     string
	en, de, fr, es string
}

var families = []family{
	{
		name: "create", base: "create open file log raise submit register report make issue",
		en: "created opened filed logged raised submitted registered reported made issued",
		de: "erstellt angelegt eroffnet aufgenommen eingereicht gemeldet", fr: "cree ouvert enregistre depose signale", es: "creado abierto registrado presentado",
	},
	{
		name: "update", base: "update change add note record save edit correct attach store set modify",
		en: "updated changed added noted recorded saved edited corrected attached stored modified",
		de: "geandert aktualisiert hinzugefugt notiert gespeichert erganzt vermerkt", fr: "modifie ajoute note mis", es: "actualizado cambiado anadido anotado guardado",
	},
	{
		name: "close", base: "close resolve solve withdraw",
		en: "closed resolved solved withdrawn", de: "geschlossen gelost zuruckgezogen", fr: "ferme clos resolu", es: "cerrado resuelto",
	},
	{
		name: "cancel", base: "cancel delete remove terminate unsubscribe end",
		en: "cancelled canceled deleted removed terminated unsubscribed",
		de: "storniert gekundigt geloscht abgesagt", fr: "annule supprime resilie", es: "cancelado anulado eliminado",
	},
	{
		name: "book", base: "book reserve schedule arrange",
		en: "booked reserved scheduled arranged", de: "gebucht reserviert vereinbart", fr: "reserve planifie", es: "reservado programado",
	},
	{
		name: "order", base: "order purchase buy",
		en: "ordered purchased bought", de: "bestellt gekauft", fr: "commande achete", es: "pedido comprado",
	},
	{
		name: "refund", base: "refund credit reimburse pay repay compensate",
		en: "refunded credited reimbursed paid repaid compensated",
		de: "erstattet zuruckerstattet gutgeschrieben bezahlt", fr: "rembourse credite paye verse", es: "reembolsado abonado pagado devuelto",
	},
	{
		name: "charge", base: "charge bill debit",
		en: "charged billed debited", de: "belastet abgebucht", fr: "debite facture", es: "cobrado cargado",
	},
	{
		name: "send", base: "send email mail text message ship dispatch forward",
		en: "sent emailed mailed texted messaged shipped dispatched forwarded",
		de: "geschickt gesendet verschickt versendet weitergeleitet", fr: "envoye expedie transmis", es: "enviado mandado remitido",
	},
	{
		name: "notify", base: "notify inform tell ask alert contact call pass escalate hand",
		en: "notified informed told asked alerted contacted called passed escalated handed",
		de: "benachrichtigt informiert gebeten verstandigt kontaktiert angerufen", fr: "prevenu informe demande contacte appele", es: "avisado informado pedido contactado llamado",
	},
	{
		name: "transfer", base: "transfer connect",
		en: "transferred connected", de: "verbunden", fr: "transfere connecte", es: "transferido conectado",
	},
	{
		name: "reset", base: "reset unlock activate deactivate enable disable block unblock restart extend renew upgrade",
		en: "reset unlocked activated deactivated enabled disabled blocked unblocked restarted extended renewed upgraded",
		de: "zuruckgesetzt entsperrt aktiviert deaktiviert gesperrt verlangert", fr: "reinitialise active desactive bloque prolonge", es: "restablecido activado desactivado bloqueado renovado",
	},
}

// grammar is how claims look in one language, in folded text. A claim begins with one of the
// patterns; its verb follows within a few words.
type grammar struct {
	past    map[string]string // families by past form
	ownAct  *regexp.Regexp    // "I have", "we"
	perfect *regexp.Regexp    // "has been"
	present *regexp.Regexp    // "is", which also begins general statements
	allDone *regexp.Regexp    // claims without a verb, at the beginning of a clause
}

var grammars = map[string]*grammar{
	"en": {
		past:    pastForms(func(f family) string { return f.en }),
		ownAct:  regexp.MustCompile(`\b(?:i have|ive|i had|i|weve|we have|we)\b`),
		perfect: regexp.MustCompile(`\b(?:has been|have been|had been)\b`),
		present: regexp.MustCompile(`\b(?:is|are|was|were)\b`),
		allDone: regexp.MustCompile(`^\W*(?:all done|done|its done|thats done|consider it done|all set|youre all set|taken care of|its taken care of)\b`),
	},
	"de": {
		past:    pastForms(func(f family) string { return f.de }),
		ownAct:  regexp.MustCompile(`\b(?:ich habe|wir haben|habe ich|haben wir)\b`),
		perfect: regexp.MustCompile(`\b(?:wurde|wurden|worden)\b`),
		present: regexp.MustCompile(`\b(?:ist|sind)\b`),
		allDone: regexp.MustCompile(`^\W*(?:erledigt|das ist erledigt)\b`),
	},
	"fr": {
		past:    pastForms(func(f family) string { return f.fr }),
		ownAct:  regexp.MustCompile(`\b(?:jai|nous avons|on a)\b`),
		perfect: regexp.MustCompile(`\b(?:a ete|ont ete)\b`),
		present: regexp.MustCompile(`\b(?:est|sont)\b`),
		allDone: regexp.MustCompile(`^\W*(?:cest fait|cest regle)\b`),
	},
	"es": {
		past:    pastForms(func(f family) string { return f.es }),
		ownAct:  regexp.MustCompile(`\b(?:he|hemos)\b`),
		perfect: regexp.MustCompile(`\b(?:ha sido|han sido|se ha|se han)\b`),
		present: regexp.MustCompile(`\b(?:esta|estan|queda|fue)\b`),
		allDone: regexp.MustCompile(`^\W*(?:hecho|ya esta hecho|listo)\b`),
	},
}

func pastForms(of func(family) string) map[string]string {
	out := make(map[string]string)
	for _, f := range families {
		for w := range strings.FieldsSeq(of(f)) {
			out[w] = f.name
		}
	}
	return out
}

// grammarsFor returns the grammars of an agent's language: models may also answer in English.
func grammarsFor(language string) []*grammar {
	out := []*grammar{grammars["en"]}
	if g := grammars[words.Language(language)]; g != nil && g != out[0] {
		out = append(out, g)
	}
	return out
}

// toldAs has the families for the tools whose names do not say all that they do.
var toldAs = map[string][]string{
	"create_ticket": {"create", "update"},
	"update_ticket": {"update", "close", "create"},
	"hand_over":     {"notify", "transfer", "create", "update"},
}

// familyOf maps base forms to families.
var familyOf = func() map[string]string {
	out := make(map[string]string)
	for _, f := range families {
		for w := range strings.FieldsSeq(f.base) {
			out[w] = f.name
		}
	}
	return out
}()

// What tells a claim from something else, in folded text.
var (
	denial      = regexp.MustCompile(`\b(?:not|never|havent|hasnt|didnt|wasnt|isnt|werent|arent|nicht|kein|keine|keinen|noch nie|pas|jamais|nunca)\b`)
	emphasis    = regexp.MustCompile(`\bnot (?:only|just|merely)\b|\bnicht nur\b`)
	modal       = regexp.MustCompile(`^(?:i|we) (?:would|could|should|might|may|will|shall|can|cannot|cant|must|need|want|am|are|was|were|do|dont|did|didnt|think|see|understand)\b`)
	condition   = regexp.MustCompile(`\b(?:if|when|once|unless|until|before|after|whether|as soon as|wenn|falls|sobald|nachdem|bevor|ob|si|quand|lorsque|des que|avant|apres|cuando|antes|despues)\b`)
	emphasized  = regexp.MustCompile(`\bonce (?:again|more)\b`)
	denialAhead = regexp.MustCompile(`\b(?:no|not|nicht|dont think) $`)
	// anew matches claims of one more effect.
	anew = regexp.MustCompile(`\b(?:another|second|third|also|again|additional|new|more|just|now|too|weiteres|weitere|noch ein|auch|erneut|autre|aussi|encore|otro|otra|tambien|nuevo)\b`)
	// things are what effects change, the subjects of claims in the present.
	things = regexp.MustCompile(`\b(?:ticket|case|request|complaint|refund|appointment|booking|reservation|subscription|membership|order|account|message|e-?mail|call back|callback|payment|money|anfrage|fall|erstattung|termin|bestellung|konto|nachricht|demande|remboursement|rendez-vous|commande|compte|tique|solicitud|reembolso|cita|pedido|cuenta)\b`)
)

// reach is how many words after the beginning of a claim its verb may stand.
const reach = 6

// claims reports whether a folded sentence claims an effect that no tool had. from is where
// the clause begins that is to be said; a claim that ends before it was judged before.
func (f *Facts) claims(sentence string, from int) bool {
	if strings.Contains(sentence, "?") {
		return false
	}
	sentence = emphasized.ReplaceAllString(emphasis.ReplaceAllStringFunc(sentence, blank), "again")
	from = max(0, min(from, len(sentence)))
	for _, g := range f.grammars {
		if g.allDone.MatchString(sentence[from:]) && len(f.effectsNow) == 0 || f.claimsIn(g, sentence, from) {
			return true
		}
	}
	return false
}

func (f *Facts) claimsIn(g *grammar, sentence string, from int) bool {
	for _, at := range g.ownAct.FindAllStringIndex(sentence, -1) {
		verb, end := g.pastAfter(sentence, at[1])
		if verb != "" && end > from && !modal.MatchString(sentence[at[0]:]) && !isExcused(sentence, at[0], end) && !f.happened(g, verb, sentence) {
			return true
		}
	}
	for _, pattern := range []*regexp.Regexp{g.perfect, g.present} {
		for _, at := range pattern.FindAllStringIndex(sentence, -1) {
			verb, end := g.pastAfter(sentence, at[1])
			switch {
			case verb == "" || end <= from || isExcused(sentence, at[0], end):
			case pattern == g.present && !isResult(sentence, at[0], end):
			case f.happened(g, verb, sentence) || f.words[verb]:
			default:
				return true
			}
		}
	}
	return false
}

func blank(s string) string { return strings.Repeat(" ", len(s)) }

// isExcused reports whether the words around a possible claim deny it or make it a condition.
func isExcused(sentence string, start, end int) bool {
	before := sentence[:start]
	if i := strings.LastIndexAny(before, ",.!;:"); i >= 0 {
		before = before[i+1:]
	}
	return denial.MatchString(sentence[start:end]) || condition.MatchString(before) || denialAhead.MatchString(before)
}

// isResult reports whether "… is closed" tells a result and not a general statement, such as
// "the store is closed on Sundays".
func isResult(sentence string, start, end int) bool {
	before := sentence[:start]
	if i := strings.LastIndexAny(before, ".!;:"); i >= 0 {
		before = before[i+1:]
	}
	after := strings.TrimSpace(sentence[end:])
	isLast := after == "" || strings.ContainsAny(after[:1], ".,!;:") || strings.HasPrefix(after, "for you") || strings.HasPrefix(after, "successfully")
	return things.MatchString(before) && (isLast || strings.Contains(sentence[start:end], " now "))
}

// happened reports whether a tool had the effect that a verb tells: in this turn or, unless the
// sentence tells of one more effect, in an earlier one.
func (f *Facts) happened(g *grammar, verb, sentence string) bool {
	family := g.familyOf(verb)
	return f.effectsNow[family] || f.effects[family] && !anew.MatchString(sentence)
}

// pastAfter returns the first past form that follows position at within reach, and where it
// ends.
func (g *grammar) pastAfter(sentence string, at int) (verb string, end int) {
	rest := sentence[at:]
	for range reach {
		trimmed := strings.TrimLeft(rest, " ,\t\n")
		n := strings.IndexFunc(trimmed, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 0x80) })
		if n < 0 {
			n = len(trimmed)
		}
		if n == 0 {
			return "", 0
		}
		word := trimmed[:n]
		if g.familyOf(word) != "" {
			return word, len(sentence) - len(trimmed) + n
		}
		rest = trimmed[n:]
	}
	return "", 0
}

// familyOf returns the family of a past form, also of a French or Spanish one that agrees with
// its subject: "annulée", "canceladas". It returns "" for other words.
func (g *grammar) familyOf(word string) string {
	if family := g.past[word]; family != "" || g == grammars["en"] {
		return family
	}
	word = strings.TrimSuffix(word, "s")
	for _, form := range []string{word, strings.TrimSuffix(word, "e"), strings.TrimSuffix(word, "a") + "o"} {
		if family := g.past[form]; family != "" {
			return family
		}
	}
	return ""
}

// asksForSecret reports whether a folded sentence asks for what no agent needs.
func asksForSecret(sentence string) bool {
	return asking.MatchString(sentence) && secrets.MatchString(sentence) && !slices.ContainsFunc(words.Split(sentence), denies)
}

func denies(w string) bool {
	return w == "never" || w == "not" || w == "dont" || w == "nie" || w == "nicht" || w == "jamais" || w == "pas" || w == "nunca" || w == "no"
}

var (
	asking  = regexp.MustCompile(`\b(?:what is|whats|tell me|give me|read me|read out|say|enter|type|send me|provide|confirm|need|may i have|can i have|could you|please|wie lautet|nennen|sagen sie|geben sie|quel est|donnez|dites|cual es|digame|deme|indique)\b`)
	secrets = regexp.MustCompile(`\b(?:(?:credit |debit |bank |payment )?card (?:number|details|numbers)|card's number|security code|cvv|cvc|expiry date of your card|(?:your|the|account) password|one time (?:code|password)|kartennummer|prufnummer|passwort|kennwort|numero de (?:votre |la )?carte|code de securite|cryptogramme|mot de passe|numero de (?:su |la )?tarjeta|codigo de seguridad|contrasena)\b`)
)
