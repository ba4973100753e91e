package grounding

import (
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// anyEffect is the family of verbs that may tell any effect: "done", "processed".
const anyEffect = "any"

// family holds the verbs that tell the same kind of effect: base forms, which occur in names
// of tools, and past forms by language, which occur in claims. All are folded.
type family struct {
	name, base     string
	en, de, fr, es string
	frInf, esInf   string // infinitives: "je viens d'ouvrir", "acabo de abrir"
	esPast         string // first person: "abrí"
}

var families = []family{
	{
		name: "create", base: "create open file log raise submit register report make issue",
		en: "created opened filed logged raised submitted registered reported lodged",
		de: "erstellt angelegt eroffnet aufgenommen eingereicht gemeldet", fr: "cree ouvert enregistre depose signale", es: "creado abierto registrado presentado",
		frInf: "creer ouvrir enregistrer deposer", esInf: "crear abrir registrar", esPast: "abri cree registre",
	},
	{
		name: "note", base: "add note record save attach store",
		en: "added noted recorded saved attached stored",
		de: "hinzugefugt notiert gespeichert erganzt vermerkt eingetragen", fr: "ajoute note mis", es: "anadido anotado guardado",
		frInf: "ajouter noter", esInf: "anadir anotar", esPast: "anadi anote",
	},
	{
		name: "change", base: "update change edit correct set modify",
		en: "updated changed edited corrected modified", de: "geandert aktualisiert korrigiert", fr: "modifie change corrige", es: "actualizado cambiado modificado corregido",
		frInf: "modifier changer", esInf: "cambiar actualizar modificar", esPast: "cambie actualice modifique",
	},
	{
		name: "close", base: "close resolve solve withdraw",
		en: "closed resolved solved withdrawn", de: "geschlossen gelost zuruckgezogen", fr: "ferme clos resolu", es: "cerrado resuelto",
		frInf: "fermer clore", esInf: "cerrar", esPast: "cerre",
	},
	{
		name: "unsubscribe", base: "unsubscribe stop",
		en: "unsubscribed", de: "abgemeldet abbestellt", fr: "desabonne desinscrit", es: "desuscrito",
		frInf: "desabonner desinscrire", esInf: "desuscribir", esPast: "desuscribi",
	},
	{
		name: "cancel", base: "cancel delete remove terminate end",
		en: "cancelled canceled deleted removed terminated",
		de: "storniert gekundigt geloscht abgesagt", fr: "annule supprime resilie", es: "cancelado anulado eliminado",
		frInf: "annuler supprimer resilier", esInf: "cancelar anular eliminar", esPast: "cancele anule elimine",
	},
	{
		name: "book", base: "book reserve schedule arrange",
		en: "booked reserved scheduled arranged rescheduled rebooked", de: "gebucht reserviert vereinbart umgebucht", fr: "reserve planifie", es: "reservado programado",
		frInf: "reserver planifier", esInf: "reservar programar", esPast: "reserve programe",
	},
	{
		name: "order", base: "order purchase buy",
		en: "ordered purchased bought", de: "bestellt gekauft", fr: "commande achete", es: "comprado",
		frInf: "commander acheter", esInf: "pedir comprar", esPast: "pedi compre",
	},
	{
		name: "refund", base: "refund credit reimburse repay compensate",
		en: "refunded credited reimbursed repaid compensated",
		de: "erstattet zuruckerstattet gutgeschrieben", fr: "rembourse credite", es: "reembolsado abonado devuelto",
		frInf: "rembourser crediter", esInf: "reembolsar devolver", esPast: "reembolse devolvi",
	},
	{
		name: "pay", base: "pay transfer wire",
		en: "paid wired transferred", de: "bezahlt uberwiesen ausgezahlt", fr: "paye verse vire", es: "pagado transferido",
		frInf: "payer verser", esInf: "pagar transferir", esPast: "pague transferi",
	},
	{
		name: "charge", base: "charge bill debit",
		en: "charged billed debited", de: "belastet abgebucht", fr: "debite facture", es: "cobrado cargado",
		frInf: "debiter facturer", esInf: "cobrar", esPast: "cobre",
	},
	{
		name: "send", base: "send email mail text message ship dispatch forward",
		en: "sent emailed mailed texted messaged shipped dispatched forwarded",
		de: "geschickt gesendet verschickt versendet weitergeleitet", fr: "envoye expedie transmis", es: "enviado mandado remitido",
		frInf: "envoyer expedier transmettre", esInf: "enviar mandar", esPast: "envie mande",
	},
	{
		name: "notify", base: "notify inform tell ask alert contact call pass escalate hand",
		en: "notified informed told asked alerted contacted called passed escalated handed",
		de: "benachrichtigt informiert gebeten verstandigt kontaktiert angerufen", fr: "prevenu informe demande contacte appele", es: "avisado informado pedido contactado llamado",
		frInf: "prevenir informer contacter appeler", esInf: "avisar informar contactar llamar", esPast: "avise informe contacte llame",
	},
	{
		name: "connect", base: "connect",
		en: "connected", de: "verbunden", fr: "transfere connecte", es: "conectado", frInf: "transferer connecter", esInf: "conectar", esPast: "conecte",
	},
	{
		name: "reset", base: "reset unlock activate deactivate enable disable block unblock restart extend renew upgrade",
		en: "reset unlocked activated deactivated enabled disabled blocked unblocked restarted extended renewed upgraded",
		de: "zuruckgesetzt entsperrt aktiviert deaktiviert gesperrt verlangert", fr: "reinitialise active desactive bloque prolonge", es: "restablecido activado desactivado bloqueado renovado",
		frInf: "reinitialiser activer desactiver bloquer", esInf: "restablecer activar bloquear", esPast: "restableci active bloquee",
	},
	{
		name: anyEffect,
		en:   "issued processed initiated placed completed executed finalized confirmed approved applied enrolled done",
		de:   "erledigt veranlasst beauftragt durchgefuhrt vorgenommen bearbeitet", fr: "effectue traite regle fait confirme", es: "hecho procesado realizado tramitado confirmado",
		frInf: "effectuer traiter regler faire", esInf: "hacer procesar tramitar", esPast: "hice procese tramite",
	},
}

// grammar is how claims look in one language, in folded text.
type grammar struct {
	past        map[string]string // families by past form
	agrees      bool              // past forms agree with their subject: "annulée"
	small       words.Set         // small words by which the language is recognized; nil: it always may be
	subject     func([]word) int  // how many words are the subject of an act of the agent, 0 if none
	inversions  words.Set         // before the subject, they make a question
	modals      words.Set         // after the subject, they make no claim
	barriers    words.Set         // end the reach of a subject
	verbFirst   bool              // the verb may stand before its auxiliary
	passive     words.Set
	general     words.Set // before a passive, they make a general statement
	present     words.Set
	you         words.Set // subjects of which a result is told
	now         words.Set
	booked      words.Set // verbs that tell a result without "now"
	afterResult words.Set
	objects     words.Set // follow the verb of a sentence without a subject
	conditions  words.Set
	emphasis    words.Set // after a condition, they make it none: "once again"
	anew        words.Set // tell of one more effect
	denial
}

// denial is what denies the verb of a claim.
type denial struct {
	denials     words.Set
	denialReach int // words between a denial and the verb
	denialAhead int // words between a denial and the subject after it
	notOnly     words.Set
	adverbs     words.Set // do not separate a denial from its verb
}

// sameForms are past forms that are base forms, too.
var sameForms = words.NewSet("reset note reserve active facture commande demande informe contacte conecte rembourse")

// smallEnglish are the small words of English.
var smallEnglish = words.NewSet("the a an is are was were be been you your to of and for it we i in on at that this with have has my me do can will its be or not by from")

// effectsOn has the families of the effects that a claim about a thing may tell.
var effectsOn = func() map[string][]string {
	out := make(map[string][]string)
	for list, families := range map[string][]string{
		"refund refunded reimbursement money erstattung ruckerstattung geld remboursement argent reembolso dinero": {"refund"},
		"payment bill invoice rechnung zahlung paiement facture pago factura":                                      {"pay", "charge"},
		"ticket tickets case complaint tique":                                                                      {"create", "note", "close" + ofTicket, "change" + ofTicket},
		"appointment booking reservation technician termin buchung cita reserva":                                   {"book"},
		"cancellation membership subscription contract vertrag abo abonnement contrat suscripcion contrato":        {"cancel"},
		"order orders bestellung commande pedido":                                                                  {"order"},
		"newsletter": {"unsubscribe", "newsletter"},
		"message mail email confirmation nachricht mensaje": {"send"},
	} {
		for w := range strings.FieldsSeq(list) {
			out[w] = families
		}
	}
	return out
}()

// things are what effects change, the subjects of claims of a result.
var things = words.NewSet(`ticket tickets case request complaint refund appointment booking reservation subscription membership order account message email mail
	callback payment money bill invoice confirmation cancellation change transfer replacement technician visit newsletter password address contract amount
	anfrage fall erstattung ruckerstattung termin bestellung konto nachricht geld rechnung vertrag abo buchung betrag
	demande remboursement commande compte facture abonnement contrat paiement argent reservation
	tique solicitud reembolso cita pedido cuenta factura suscripcion contrato pago dinero reserva mensaje`)

var grammars = []*grammar{english, german, french, spanish}

var english = &grammar{
	past: pastForms(func(f family) string { return f.en }),
	subject: func(w []word) int {
		switch w[0].text {
		case "i", "we", "ive", "weve":
			return 1
		case "have", "having", "got", "went": // what a replaced clause began
			if w[0].isFirst {
				return 1
			}
		}
		return 0
	},
	inversions: words.NewSet("have had did do does shall should may can could would will if once when whether what"),
	modals:     words.NewSet("would could should might may will shall can cannot cant must need want am are was were do dont didnt think see understand hope guess believe suggest wish try tried"),
	barriers:   words.NewSet("you he she they who which if when whether because until unless before what why how where is are was were be to can could will would"),
	passive:    words.NewSet("been gotten"),
	general:    words.NewSet("that which who may might must could would should if once when items products orders until after before not never havent hasnt"),
	present:    words.NewSet("is are was were youre s got"),
	you:        words.NewSet("you youre"),
	now:        words.NewSet("now already hereby officially"),
	booked:     words.NewSet("booked scheduled registered enrolled unsubscribed"),
	// "for you", "successfully", "now", "and"
	afterResult: words.NewSet("for successfully now and today already"),
	objects:     words.NewSet("a an the your it that this you everything all both them"),
	denial: denial{
		denials:     words.NewSet("not never no havent hasnt didnt wasnt isnt werent arent cannot cant wont dont nothing neither nor without"),
		denialReach: 2,
		notOnly:     words.NewSet("only just merely doubt problem worries longer"),
		adverbs:     words.NewSet("been yet actually really ever already even be"),
	},
	conditions: words.NewSet("if when once unless until before after whether as"),
	emphasis:   words.NewSet("again more all you promised agreed"),
	anew:       words.NewSet("another second third also again additional more too"),
}

var german = &grammar{
	past:  pastForms(func(f family) string { return f.de }),
	small: words.NewSet("ich wir ihr ihre ihren ihnen das ist sind wurde wurden worden habe hab haben der ein eine einen den dem und fur mit nicht ja"),
	subject: func(w []word) int {
		if len(w) < 2 {
			return 0
		}
		a, b := w[0].text, w[1].text
		if isAny(a, "ich", "wir") && isAny(b, "habe", "hab", "haben", "hatte", "hatten") || isAny(b, "ich", "wir") && isAny(a, "habe", "hab", "haben", "hatte", "hatten") {
			return 2
		}
		return 0
	},
	inversions: words.Set{}, modals: words.Set{},
	barriers:    words.NewSet("dass ob wenn weil falls sobald damit"),
	verbFirst:   true,
	passive:     words.NewSet("wurde wurden worden"),
	general:     words.NewSet("wenn falls sobald nachdem bevor ob die konnte konnten sollte"),
	present:     words.NewSet("ist sind"),
	you:         words.NewSet("sie"),
	now:         words.NewSet("jetzt nun bereits schon hiermit"),
	afterResult: words.NewSet("und worden fur"),
	objects:     words.NewSet("habe ist das"),
	denial: denial{
		denials: words.NewSet("nicht kein keine keinen keinem nie niemals nichts noch"), denialReach: 4,
		notOnly: words.NewSet("nur"),
		adverbs: words.NewSet("bisher worden"),
	},
	conditions: words.NewSet("wenn falls sobald nachdem bevor ob"),
	emphasis:   words.Set{}, booked: words.Set{},
	anew: words.NewSet("weiteres weitere weiteren auch erneut nochmals"),
}

var french = &grammar{
	past: pastForms(func(f family) string { return f.fr }), agrees: true,
	small:      words.NewSet("je jai nous vous votre vos le la les un une est sont ete cest on du des et pour dans mon avons avez viens"),
	subject:    frenchSubject,
	inversions: words.Set{}, modals: words.Set{},
	barriers:    words.NewSet("que qui si quand lorsque est sont avez"),
	passive:     words.NewSet("ete"),
	general:     words.NewSet("si qui que quand lorsque"),
	present:     words.NewSet("est sont"),
	you:         words.NewSet("vous"),
	now:         words.NewSet("maintenant deja"),
	afterResult: words.NewSet("et pour"),
	objects:     words.NewSet("le la les un une votre vos"),
	denial: denial{
		denials: words.NewSet("pas jamais rien aucun aucune"), denialReach: 2,
		notOnly: words.NewSet("seulement"),
		adverbs: words.NewSet("encore ete"),
	},
	conditions: words.NewSet("si quand lorsque avant apres"),
	emphasis:   words.NewSet("tout"), booked: words.Set{},
	anew: words.NewSet("autre aussi encore nouveau"),
}

// frenchSubject matches "j'ai", "je vous ai", "je l'ai", "nous avons" and "on a".
func frenchSubject(w []word) int {
	switch w[0].text {
	case "jai":
		return 1
	case "je", "nous", "on":
	default:
		return 0
	}
	for n := 1; n < min(4, len(w)); n++ {
		switch {
		case isAny(w[n].text, "ai", "lai", "avons", "lavons", "a", "la") && !(w[0].text != "on" && isAny(w[n].text, "a", "la")):
			return n + 1
		case !isAny(w[n].text, "vous", "te", "le", "les", "lui", "leur", "y", "en", "nous"):
			return 0
		}
	}
	return 0
}

var spanish = &grammar{
	past: pastForms(func(f family) string { return f.es }), agrees: true,
	small: words.NewSet("el la los las su sus le les un una ya he hemos ha han se lo usted esta yo todo y de del que sido para por"),
	subject: func(w []word) int {
		if isAny(w[0].text, "he", "hemos") {
			return 1
		}
		return 0
	},
	inversions: words.Set{}, modals: words.Set{},
	barriers:    words.NewSet("que si cuando porque"),
	passive:     words.NewSet("sido quedado ha han fue fueron"),
	general:     words.NewSet("si que cuando"),
	present:     words.NewSet("esta estan queda quedan"),
	you:         words.NewSet("usted"),
	now:         words.NewSet("ahora ya"),
	afterResult: words.NewSet("y para"),
	objects:     words.NewSet("el la los las un una su"),
	denial: denial{
		denials: words.NewSet("no nunca tampoco nada ningun ninguna"), denialReach: 3, denialAhead: 2,
		notOnly: words.NewSet("solo solamente"),
		adverbs: words.NewSet("todavia aun sido"),
	},
	conditions: words.NewSet("si cuando antes despues"),
	emphasis:   words.Set{}, booked: words.Set{},
	anew: words.NewSet("otro otra tambien nuevo nueva"),
}

func isAny(w string, list ...string) bool {
	for _, l := range list {
		if w == l {
			return true
		}
	}
	return false
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

// familyOf returns the family of a past form, also of a French or Spanish one that agrees with
// its subject: "annulée", "canceladas". It returns "" for other words.
func (g *grammar) familyOf(word string) string {
	if family := g.past[word]; family != "" || !g.agrees {
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

// ofTicket marks a family of an effect on a ticket alone.
const ofTicket = "@ticket"

// ticketWords are what an effect on a ticket may be told of.
var ticketWords = words.NewSet("ticket tickets case request complaint message email mail contact fall anfrage nachricht kontakt demande message tique solicitud mensaje")

// toldAs has the families for the tools whose names do not say all that they do.
var toldAs = map[string][]string{
	"create_ticket": {"create", "note"},
	"update_ticket": {"note", "close" + ofTicket, "change" + ofTicket},
	"hand_over":     {"notify", "connect", "create", "note"},
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

// phrase is a claim without a verb of an effect. The pattern is for words with one space
// before each, and with " ," and " ." for punctuation.
type phrase struct {
	family  string
	record  []string // words of a trusted record that make it true
	pattern *regexp.Regexp
}

var deniedPhrase = regexp.MustCompile(` (?:as soon as|after|before|not|never|no|isnt|hasnt|havent|didnt|cannot|cant|dont|if|when|once|until|whether|nicht|kein|keine|wenn|pas|si|nunca|cuando) `)

// phrases are compiled from what follows.
var phrases = func() []phrase {
	const start, end = `(?:^| \.| ,) `, `(?: \.| ,| for| now| and| as)`
	out := []phrase{
		{anyEffect, nil, regexp.MustCompile(start + `(?:all done|done|all set|youre all set|you are all set|taken care of|consider it done|mission accomplished|erledigt|cest fait|cest regle|hecho|ya esta hecho|listo)` + end)},
		{anyEffect, nil, regexp.MustCompile(` (?:i|we|ive|weve)(?: (?:have|just|already|also|now|have just|have already))? (?:did|done) (?:it|that|this|so|everything|what you|all of)\b`)},
		{anyEffect, nil, regexp.MustCompile(` (?:its|thats|it is|that is|everything is|it has been|that has been|i|we|ive|i have|weve|we have)(?: (?:all|now|just|already|been))* (?:done|taken care of|took care of|sorted out|seen to it)` + `(?: \.| ,| for| now| and| the| your| it| that| this| everything)`)},
		{"refund", []string{"refunded", "processed", "way"}, regexp.MustCompile(` (?:refund|money|payment|reimbursement|credit)(?: is| are|s)(?: now| already)*(?: on its way| on the way| underway| under way| in progress| being processed| processing)`)},
		{anyEffect, []string{"through"}, regexp.MustCompile(` (?:refund|payment|transfer|cancellation|request|booking|change|order|ticket)(?: just| has| have| already)* (?:went|gone) (?:through|out)\b`)},
		{"create", nil, regexp.MustCompile(` you now have (?:a|an|your)(?: new| open)* (?:ticket|case|appointment|booking|reservation|refund)`)},
		{"notify", nil, regexp.MustCompile(` (?:i|we|ive|weve) let (?:a|an|the|my|our|him|her|them|somebody|someone)(?: \w+){0,3} know`)},
		{"book", nil, regexp.MustCompile(` (?:i|we|ive|weve)(?: have| just| already)* made (?:a|an|the|your|that)(?: \w+){0,2} (?:appointment|booking|reservation|payment|transfer|refund|order|request|change|ticket)`)},
		{anyEffect, nil, regexp.MustCompile(` (?:i|we|ive|weve)(?: have| just| already)* (?:put in|set up|set (?:it|that|this|everything|you) up|put (?:it|that|this|you) (?:in|through)|signed you up|put through)\b`)},
		{anyEffect, nil, regexp.MustCompile(` consider (?:it|that|this|(?:your|the) \w+) (?:done|` + alternatives(func(f family) string { return f.en }) + `)`)},
		{anyEffect, nil, regexp.MustCompile(` das (?:habe|hab) ich (?:gemacht|getan)`)},
	}
	for _, f := range families {
		base := strings.Fields(f.base)
		if len(base) > 0 {
			out = append(out,
				phrase{f.name, nil, regexp.MustCompile(` (?:i|we) did(?: \w+)? (?:` + strings.Join(base, "|") + `) (?:your|the|it|that|this|you|a|an)`)},
				phrase{f.name, nil, regexp.MustCompile(` (?:im|i am)(?: now| just| hereby)* (?:` + strings.Join(progressive(base), "|") + `) (?:your|the|it|that|this|you|a|an)(?: \w+){0,4}(?: right)? (?:now|as we speak|immediately|for you)`)},
			)
		}
		out = append(out,
			phrase{f.name, nil, regexp.MustCompile(` (?:je viens|nous venons) (?:de (?:vous |le |la |les |l)*|d)(?:` + oneOf(f.frInf) + `)\b`)},
			phrase{f.name, nil, regexp.MustCompile(` (?:acabo|acabamos) de (?:` + oneOf(f.esInf) + `)\b`)},
			phrase{f.name, nil, regexp.MustCompile(`(?:^| \.| ,| ya| le| lo| la| se lo| y| yo)+ (?:` + oneOf(f.esPast) + `) (?:el|la|los|las|un|una|su|sus|todo|le)\b`)},
		)
	}
	return out
}()

func oneOf(list string) string { return strings.ReplaceAll(list, " ", "|") }

func alternatives(of func(family) string) string {
	var out []string
	for _, f := range families {
		out = append(out, oneOf(of(f)))
	}
	return strings.Join(out, "|")
}

// progressive returns the forms in -ing of verbs.
func progressive(base []string) (out []string) {
	for _, verb := range base {
		out = append(out, strings.TrimSuffix(verb, "e")+"ing", verb+verb[len(verb)-1:]+"ing")
	}
	return out
}

// A request for a secret has a word of asking before it, or of asking the caller anywhere.
var (
	asksCaller = regexp.MustCompile(`\b(?:tell me|give me|read me|send me|please|bitte|nennen|sagen sie|donnez|dites|digame|deme|indique)\b`)
	asking     = regexp.MustCompile(`\b(?:what is|whats|tell me|give me|read me|read out|say|enter|type|send me|provide|confirm|need|may i have|can i have|could you|please|wie lautet|nennen|sagen sie|geben sie|quel est|donnez|dites|cual es|digame|deme|indique)\b`)
	secrets    = regexp.MustCompile(`\b(?:(?:credit |debit |bank |payment )?card (?:number|details|numbers)|card's number|security code|cvv|cvc|expiry date of your card|(?:your|the|account) password|one time (?:code|password)|kartennummer|prufnummer|passwort|kennwort|numero de (?:votre |la )?carte|code de securite|cryptogramme|mot de passe|numero de (?:su |la )?tarjeta|codigo de seguridad|contrasena)\b`)
)
