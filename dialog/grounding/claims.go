package grounding

import (
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// family holds the forms of verbs that tell the same kind of effect: base forms, which occur
// in names of tools, and past forms, which occur in claims. All are folded.
type family struct {
	name       string
	base, past string
}

var families = []family{
	{"create", "create open file log raise submit register report make issue",
		"created opened filed logged raised submitted registered reported made issued " +
			"erstellt angelegt eroffnet aufgenommen eingereicht gemeldet cree ouvert enregistre depose signale creado abierto registrado presentado"},
	{"update", "update change add note record save edit correct attach store set modify",
		"updated changed added noted recorded saved edited corrected attached stored modified " +
			"geandert aktualisiert hinzugefugt notiert gespeichert erganzt vermerkt modifie ajoute note mis actualizado cambiado anadido anotado guardado"},
	{"close", "close resolve solve withdraw", "closed resolved solved withdrawn geschlossen gelost zuruckgezogen ferme clos resolu cerrado resuelto"},
	{"cancel", "cancel delete remove terminate unsubscribe end",
		"cancelled canceled deleted removed terminated unsubscribed storniert gekundigt geloscht abgesagt annule supprime resilie cancelado anulado eliminado"},
	{"book", "book reserve schedule arrange", "booked reserved scheduled arranged gebucht reserviert vereinbart reserve planifie reservado programado"},
	{"order", "order purchase buy", "ordered purchased bought bestellt gekauft commande achete pedido comprado"},
	{"refund", "refund credit reimburse pay repay compensate", "refunded credited reimbursed paid repaid compensated " +
		"erstattet zuruckerstattet gutgeschrieben bezahlt rembourse credite paye verse reembolsado abonado pagado devuelto"},
	{"charge", "charge bill debit", "charged billed debited belastet abgebucht debite facture cobrado cargado"},
	{"send", "send email mail text message ship dispatch forward", "sent emailed mailed texted messaged shipped dispatched forwarded " +
		"geschickt gesendet verschickt versendet weitergeleitet envoye expedie transmis enviado mandado remitido"},
	{"notify", "notify inform tell ask alert contact call pass escalate hand", "notified informed told asked alerted contacted called passed escalated handed " +
		"benachrichtigt informiert gebeten verstandigt kontaktiert angerufen prevenu informe demande contacte appele avisado informado pedido contactado llamado"},
	{"transfer", "transfer connect", "transferred connected verbunden transfere connecte transferido conectado"},
	{"reset", "reset unlock activate deactivate enable disable block unblock restart extend renew upgrade", "reset unlocked activated deactivated enabled disabled blocked " +
		"unblocked restarted extended renewed upgraded zuruckgesetzt entsperrt aktiviert deaktiviert gesperrt verlangert reinitialise active desactive bloque prolonge restablecido activado desactivado bloqueado renovado"},
}

// toldAs has the families for the tools whose names do not say all that they do.
var toldAs = map[string][]string{
	"create_ticket": {"create", "update"},
	"update_ticket": {"update", "close", "create"},
	"hand_over":     {"notify", "transfer", "create", "update"},
}

// familyOf maps base forms, and familyOfPast past forms, to families.
var familyOf, familyOfPast = indexFamilies()

func indexFamilies() (base, past map[string]string) {
	base, past = make(map[string]string), make(map[string]string)
	for _, f := range families {
		for w := range strings.FieldsSeq(f.base) {
			base[w] = f.name
		}
		for w := range strings.FieldsSeq(f.past) {
			past[w] = f.name
		}
	}
	return base, past
}

// Where a claim begins, in folded text; its verb follows within a few words.
var (
	// ownAct matches "I have", "I've", "we just", "ich habe", "j'ai", "he".
	ownAct = regexp.MustCompile(`\b(?:i have|ive|i had|i|weve|we have|we|ich habe|wir haben|habe ich|haben wir|jai|nous avons|on a|he|hemos)\b`)
	// perfect matches "has been", "wurde", "a été", "ha sido".
	perfect = regexp.MustCompile(`\b(?:has been|have been|had been|wurde|wurden|ist|sind|a ete|ont ete|ha sido|han sido|se ha)\b`)
	// present matches "is now", "was"; it also begins general statements.
	present = regexp.MustCompile(`\b(?:is|are|was|were|est|sont|esta|estan|queda|fue)\b`)
	// allDone matches claims without a verb.
	allDone = regexp.MustCompile(`^\W*(?:all done|done|its done|thats done|consider it done|all set|youre all set|taken care of|its taken care of|erledigt|das ist erledigt|cest fait|cest regle|hecho|ya esta hecho|listo)\b`)

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
	if from = max(0, min(from, len(sentence))); allDone.MatchString(sentence[from:]) && len(f.effectsNow) == 0 {
		return true
	}
	for _, at := range ownAct.FindAllStringIndex(sentence, -1) {
		verb, end := pastAfter(sentence, at[1])
		if verb != "" && end > from && !modal.MatchString(sentence[at[0]:]) && !f.isExcused(sentence, at[0], end) && !f.happened(verb, sentence) {
			return true
		}
	}
	for _, pattern := range []*regexp.Regexp{perfect, present} {
		for _, at := range pattern.FindAllStringIndex(sentence, -1) {
			verb, end := pastAfter(sentence, at[1])
			switch {
			case verb == "" || end <= from || f.isExcused(sentence, at[0], end):
			case pattern == present && !isResult(sentence, at[0], end):
			case f.happened(verb, sentence) || f.words[verb]:
			default:
				return true
			}
		}
	}
	return false
}

func blank(s string) string { return strings.Repeat(" ", len(s)) }

// isExcused reports whether the words around a possible claim deny it or make it a condition.
func (f *Facts) isExcused(sentence string, start, end int) bool {
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
func (f *Facts) happened(verb, sentence string) bool {
	family := familyOfVerb(verb)
	return f.effectsNow[family] || f.effects[family] && !anew.MatchString(sentence)
}

// pastAfter returns the first past form that follows position at within reach, and where it
// ends.
func pastAfter(sentence string, at int) (verb string, end int) {
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
		if familyOfVerb(word) != "" {
			return word, len(sentence) - len(trimmed) + n
		}
		rest = trimmed[n:]
	}
	return "", 0
}

// familyOfVerb returns the family of a past form, also of a French or Spanish one that agrees
// with its subject: "annulée", "canceladas". It returns "" for other words.
func familyOfVerb(word string) string {
	if family := familyOfPast[word]; family != "" {
		return family
	}
	word = strings.TrimSuffix(word, "s")
	for _, form := range []string{word, strings.TrimSuffix(word, "e"), strings.TrimSuffix(word, "a") + "o"} {
		if family := familyOfPast[form]; family != "" && form != word {
			return family
		}
	}
	return familyOfPast[word]
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
