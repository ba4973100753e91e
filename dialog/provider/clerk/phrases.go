package clerk

import (
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// question is a question that the agent asks the caller.
type question int

const (
	noQuestion question = iota
	anythingElse
	whichNumber
	whichTicket
	whatProblem
	whatContact
	whatProof
	whichFact
	isContactRight
	shallOpenTicket
	elseOpenTicket
	shallConnect
	shallCloseTicket
	questionCount
)

// phrases are what the clerk says in one language. The comments say what replaces %s.
type phrases struct {
	ask      [questionCount]string // %s: what has the number, or the fact that is asked for
	statuses map[tools.Status]string

	here          string // after "is anyone there"
	welcome       string // after thanks
	takeTime      string
	stopped       string
	inaudible     string
	objection     string
	complaint     string
	robot         string
	fine          string // after "no" without an offer
	able          string // what the clerk can do
	forExample    string // %s: things to try
	unknown       string
	closest       string // before an answer that may be wrong
	source        string // %s: a page
	sources       string // %s: pages
	join          string
	canLook       string // before asking for a number
	partial       string // %s: digits
	notFound      string // %s: what, %s: number
	factWrong     string // %s: what, %s: number
	ticketMissing string // %s: ticket
	misheard      string // after a ticket's number with a wrong check digit
	noTicketFound string // for a caller who does not know the number
	proveIt       string // %s: ticket; before asking for the contact that was given with it
	proofWrong    string // %s: ticket, %s: contact
	withoutProof  string
	tooManyWrong  string // numbers and contacts
	tooManyFacts  string // facts of records
	onlyHere      string // after opening a ticket without a contact
	ticketIs      string // %s: ticket, %s: status
	ticketAbout   string // %s: problem
	closed        string // %s: ticket
	withdrawn     string // %s: ticket
	noted         string // %s: ticket
	created       string // %s: ticket
	reach         string // %s: contact
	dropped       string
	readBack      string // %s: contact
	kept          string // after a contact that was not asked for
	handover      string
	failed        string
	uncertain     string // what changes something did not answer
	noTool        string
	goAhead       string // after an announcement of what to say
	onlyLanguage  string // to callers who speak another one
	emergency     string // %s: number of the emergency services
}

var englishPhrases = &phrases{
	ask: [questionCount]string{
		anythingElse:     "Is there anything else I can help you with?",
		whichNumber:      "What is your %s number?",
		whichFact:        "To be sure that it is yours, please tell me the %s.",
		whichTicket:      "What is your ticket number?",
		whatProblem:      "What exactly is the problem?",
		whatContact:      "How can we reach you, by e-mail or by phone?",
		whatProof:        "Which e-mail address or telephone number did you give with it?",
		isContactRight:   "Is that right?",
		shallOpenTicket:  "Shall I open a ticket for you?",
		elseOpenTicket:   "If that doesn't help, shall I open a ticket?",
		shallConnect:     "Shall I connect you with a person?",
		shallCloseTicket: "Shall I close it?",
	},
	statuses:      map[tools.Status]string{tools.Open: "open", tools.Waiting: "waiting", tools.Solved: "solved", tools.Closed: "closed", tools.Withdrawn: "withdrawn", tools.Draft: "a draft"},
	here:          "Hello! Yes, I'm here. How can I help you?",
	welcome:       "You're welcome.",
	takeTime:      "Of course, take your time.",
	stopped:       "Okay. I'm listening.",
	inaudible:     "Sorry, I didn't catch that. Could you say it again?",
	objection:     "I'm sorry, I got that wrong. Could you tell me in other words what you need?",
	complaint:     "I'm sorry about that.",
	robot:         "I'm an automated assistant.",
	fine:          "All right.",
	able:          "I can answer questions, look things up, open a ticket, or pass you on to a person.",
	forExample:    "For example, ask me: %s",
	unknown:       "I'm sorry, our pages don't say anything about that.",
	closest:       "The closest I can find is this.",
	source:        "That's from our page %s.",
	sources:       "That's from our pages %s.",
	join:          " and ",
	canLook:       "I can look that up.",
	partial:       "I have %s so far.",
	factWrong:     "I can't find %s %s with that.",
	notFound:      "I can't find %s %s. Please say it again, digit by digit.",
	ticketMissing: "I can't find ticket %s.",
	misheard:      "That ticket number can't be right. Please say its eight digits again, one by one.",
	noTicketFound: "I don't see a ticket from this conversation or from your line.",
	proveIt:       "Before I can talk about ticket %s, I need to know that it is yours.",
	proofWrong:    "I can't find ticket %s with the contact %s.",
	withoutProof:  "Without it I can't look into the ticket.",
	tooManyWrong:  "Too many numbers did not match, so I can't look up another ticket now.",
	tooManyFacts:  "Too many answers did not match, so I can't look that up now.",
	onlyHere:      "Without an e-mail address or telephone number I can look it up in this conversation only.",
	ticketIs:      "Ticket %s is %s.",
	ticketAbout:   "It is about: %s.",
	closed:        "Ticket %s is closed now.",
	withdrawn:     "Ticket %s is withdrawn.",
	noted:         "I've added that to ticket %s.",
	created:       "I've opened ticket %s for you.",
	reach:         "We will reach you at %s.",
	dropped:       "All right, I'll leave that.",
	readBack:      "I have %s.",
	kept:          "Thank you, I've got that. What can I do for you?",
	handover:      "I've asked a colleague to take over.",
	failed:        "I'm sorry, that didn't work just now.",
	uncertain:     "I'm sorry, I can't tell whether that was done.",
	noTool:        "I'm sorry, I can't do that here.",
	goAhead:       "Yes, please go ahead.",
	onlyLanguage:  "I'm sorry, I only speak English here. I can open a ticket or connect you with a person.",
	emergency:     "If anybody is in danger, get to safety and call %s right now.",
}

var germanPhrases = &phrases{
	ask: [questionCount]string{
		anythingElse:     "Kann ich sonst noch etwas für Sie tun?",
		whichNumber:      "Wie lautet die Nummer?",
		whichFact:        "Damit ich sicher bin, dass es Ihre Angaben sind, nennen Sie mir bitte: %s.",
		whichTicket:      "Wie lautet die Nummer Ihres Tickets?",
		whatProblem:      "Was genau ist das Problem?",
		whatContact:      "Wie erreichen wir Sie, per E-Mail oder Telefon?",
		whatProof:        "Welche E-Mail-Adresse oder Telefonnummer haben Sie dazu angegeben?",
		isContactRight:   "Stimmt das?",
		shallOpenTicket:  "Soll ich ein Ticket für Sie anlegen?",
		elseOpenTicket:   "Falls das nicht hilft, soll ich ein Ticket anlegen?",
		shallConnect:     "Soll ich Sie mit einem Menschen verbinden?",
		shallCloseTicket: "Soll ich es schließen?",
	},
	statuses:      map[tools.Status]string{tools.Open: "offen", tools.Waiting: "wartet auf Sie", tools.Solved: "gelöst", tools.Closed: "geschlossen", tools.Withdrawn: "zurückgezogen", tools.Draft: "ein Entwurf"},
	here:          "Guten Tag! Ja, ich bin da. Wie kann ich helfen?",
	welcome:       "Gern geschehen.",
	takeTime:      "Natürlich, lassen Sie sich Zeit.",
	stopped:       "Ja, ich höre.",
	inaudible:     "Das habe ich leider nicht verstanden. Könnten Sie es bitte wiederholen?",
	objection:     "Da habe ich Sie falsch verstanden. Könnten Sie es bitte anders sagen?",
	complaint:     "Das tut mir leid.",
	robot:         "Ich bin ein automatischer Assistent.",
	fine:          "In Ordnung.",
	able:          "Ich beantworte Fragen, schaue etwas nach, lege ein Ticket an oder verbinde Sie mit einem Menschen.",
	forExample:    "Fragen Sie zum Beispiel: %s",
	unknown:       "Dazu steht auf unseren Seiten leider nichts.",
	closest:       "Am nächsten kommt dem dies.",
	source:        "Das steht auf unserer Seite %s.",
	sources:       "Das steht auf unseren Seiten %s.",
	join:          " und ",
	canLook:       "Das sehe ich nach.",
	partial:       "Bis jetzt habe ich %s.",
	factWrong:     "Ich finde %s %s nicht mit dieser Angabe.",
	notFound:      "Ich finde %s %s nicht. Bitte wiederholen Sie die Nummer, Ziffer für Ziffer.",
	ticketMissing: "Ich finde Ticket %s nicht.",
	misheard:      "Diese Ticketnummer kann nicht stimmen. Bitte sagen Sie die acht Ziffern noch einmal, eine nach der anderen.",
	noTicketFound: "Zu diesem Gespräch oder Ihrer Telefonnummer sehe ich kein Ticket.",
	proveIt:       "Bevor ich über Ticket %s sprechen kann, muss ich wissen, dass es Ihres ist.",
	proofWrong:    "Ich finde kein Ticket %s mit der Angabe %s.",
	withoutProof:  "Ohne diese Angabe kann ich das Ticket nicht einsehen.",
	tooManyWrong:  "Zu viele Angaben haben nicht gepasst, deshalb kann ich jetzt kein weiteres Ticket nachsehen.",
	tooManyFacts:  "Zu viele Angaben haben nicht gepasst, deshalb kann ich das jetzt nicht nachsehen.",
	onlyHere:      "Ohne E-Mail-Adresse oder Telefonnummer kann ich es nur in diesem Gespräch nachsehen.",
	ticketIs:      "Der Stand von Ticket %s: %s.",
	ticketAbout:   "Es geht um: %s.",
	closed:        "Ticket %s ist jetzt geschlossen.",
	withdrawn:     "Ticket %s ist zurückgezogen.",
	noted:         "Das habe ich zu Ticket %s notiert.",
	created:       "Ich habe Ticket %s für Sie angelegt.",
	reach:         "Wir erreichen Sie unter %s.",
	dropped:       "Gut, dann lasse ich das.",
	readBack:      "Ich habe %s.",
	kept:          "Danke, das habe ich. Was kann ich für Sie tun?",
	handover:      "Ich habe einen Kollegen gebeten, zu übernehmen.",
	failed:        "Das hat gerade leider nicht geklappt.",
	uncertain:     "Ich kann leider nicht sagen, ob das erledigt wurde.",
	noTool:        "Das kann ich hier leider nicht.",
	goAhead:       "Ja, bitte.",
	onlyLanguage:  "Ich spreche hier leider nur Deutsch. Ich kann ein Ticket anlegen oder Sie mit einem Menschen verbinden.",
	emergency:     "Wenn jemand in Gefahr ist, bringen Sie sich in Sicherheit und rufen Sie sofort die %s an.",
}

var spanishPhrases = &phrases{
	ask: [questionCount]string{
		anythingElse:     "¿Puedo ayudarle en algo más?",
		whichNumber:      "¿Cuál es el número?",
		whichFact:        "Para asegurarme de que es suyo, dígame esto: %s.",
		whichTicket:      "¿Cuál es el número de su ticket?",
		whatProblem:      "¿Cuál es exactamente el problema?",
		whatContact:      "¿Cómo podemos contactarle, por correo o por teléfono?",
		whatProof:        "¿Qué correo o número de teléfono dio con él?",
		isContactRight:   "¿Es correcto?",
		shallOpenTicket:  "¿Quiere que abra un ticket?",
		elseOpenTicket:   "Si eso no ayuda, ¿abro un ticket?",
		shallConnect:     "¿Quiere que le pase con una persona?",
		shallCloseTicket: "¿Quiere que lo cierre?",
	},
	statuses:      map[tools.Status]string{tools.Open: "abierto", tools.Waiting: "a la espera de su respuesta", tools.Solved: "resuelto", tools.Closed: "cerrado", tools.Withdrawn: "retirado", tools.Draft: "un borrador"},
	here:          "¡Hola! Sí, aquí estoy. ¿En qué puedo ayudarle?",
	welcome:       "De nada.",
	takeTime:      "Por supuesto, tómese su tiempo.",
	stopped:       "De acuerdo, le escucho.",
	inaudible:     "Perdone, no le he entendido. ¿Puede repetirlo?",
	objection:     "Perdone, le entendí mal. ¿Puede decirlo de otra manera?",
	complaint:     "Lo siento mucho.",
	robot:         "Soy un asistente automático.",
	fine:          "De acuerdo.",
	able:          "Puedo responder preguntas, buscar datos, abrir un ticket o pasarle con una persona.",
	forExample:    "Por ejemplo, pregunte: %s",
	unknown:       "Lo siento, nuestras páginas no dicen nada sobre eso.",
	closest:       "Lo más parecido que encuentro es esto.",
	source:        "Está en nuestra página %s.",
	sources:       "Está en nuestras páginas %s.",
	join:          " y ",
	canLook:       "Puedo consultarlo.",
	partial:       "Tengo %s.",
	factWrong:     "No encuentro %s %s con ese dato.",
	notFound:      "No encuentro %s %s. Repita el número, cifra por cifra.",
	ticketMissing: "No encuentro el ticket %s.",
	misheard:      "Ese número de ticket no puede ser correcto. Repita las ocho cifras, una por una.",
	noTicketFound: "No veo ningún ticket de esta conversación ni de su línea.",
	proveIt:       "Antes de hablar del ticket %s, debo saber que es suyo.",
	proofWrong:    "No encuentro el ticket %s con el contacto %s.",
	withoutProof:  "Sin ese dato no puedo consultar el ticket.",
	tooManyWrong:  "Demasiados datos no coincidían, así que ahora no puedo consultar otro ticket.",
	tooManyFacts:  "Demasiados datos no coincidían, así que ahora no puedo consultarlo.",
	onlyHere:      "Sin correo ni teléfono solo puedo consultarlo en esta conversación.",
	ticketIs:      "El estado del ticket %s: %s.",
	ticketAbout:   "Trata de: %s.",
	closed:        "El ticket %s está cerrado.",
	withdrawn:     "El ticket %s está retirado.",
	noted:         "Lo he añadido al ticket %s.",
	created:       "He abierto el ticket %s.",
	reach:         "Le contactaremos en %s.",
	dropped:       "De acuerdo, lo dejo.",
	readBack:      "Tengo %s.",
	kept:          "Gracias, lo tengo. ¿Qué puedo hacer por usted?",
	handover:      "He pedido a un compañero que le atienda.",
	failed:        "Lo siento, eso no ha funcionado.",
	uncertain:     "Lo siento, no puedo decirle si se ha hecho.",
	noTool:        "Lo siento, eso no puedo hacerlo aquí.",
	goAhead:       "Sí, dígame.",
	onlyLanguage:  "Lo siento, aquí solo hablo español. Puedo abrir un ticket o pasarle con una persona.",
	emergency:     "Si alguien está en peligro, póngase a salvo y llame ahora mismo al %s.",
}

var frenchPhrases = &phrases{
	ask: [questionCount]string{
		anythingElse:     "Puis-je faire autre chose pour vous ?",
		whichNumber:      "Quel est le numéro ?",
		whichFact:        "Pour être sûr que cela vous concerne, dites-moi ceci : %s.",
		whichTicket:      "Quel est le numéro de votre ticket ?",
		whatProblem:      "Quel est exactement le problème ?",
		whatContact:      "Comment vous joindre, par e-mail ou par téléphone ?",
		whatProof:        "Quelle adresse e-mail ou quel numéro de téléphone avez-vous donné avec lui ?",
		isContactRight:   "Est-ce exact ?",
		shallOpenTicket:  "Voulez-vous que j'ouvre un ticket ?",
		elseOpenTicket:   "Si cela n'aide pas, dois-je ouvrir un ticket ?",
		shallConnect:     "Voulez-vous parler à une personne ?",
		shallCloseTicket: "Voulez-vous que je le ferme ?",
	},
	statuses:      map[tools.Status]string{tools.Open: "ouvert", tools.Waiting: "en attente de votre réponse", tools.Solved: "résolu", tools.Closed: "fermé", tools.Withdrawn: "retiré", tools.Draft: "un brouillon"},
	here:          "Bonjour ! Oui, je suis là. Comment puis-je vous aider ?",
	welcome:       "Je vous en prie.",
	takeTime:      "Bien sûr, prenez votre temps.",
	stopped:       "D'accord, je vous écoute.",
	inaudible:     "Pardon, je n'ai pas compris. Pouvez-vous répéter ?",
	objection:     "Pardon, j'ai mal compris. Pouvez-vous le dire autrement ?",
	complaint:     "Je suis désolé.",
	robot:         "Je suis un assistant automatique.",
	fine:          "D'accord.",
	able:          "Je peux répondre à vos questions, faire une recherche, ouvrir un ticket ou vous passer une personne.",
	forExample:    "Par exemple, demandez : %s",
	unknown:       "Désolé, nos pages ne disent rien à ce sujet.",
	closest:       "Voici ce que je trouve de plus proche.",
	source:        "C'est sur notre page %s.",
	sources:       "C'est sur nos pages %s.",
	join:          " et ",
	canLook:       "Je peux le vérifier.",
	partial:       "J'ai %s.",
	factWrong:     "Je ne trouve pas %s %s avec cette information.",
	notFound:      "Je ne trouve pas %s %s. Répétez le numéro, chiffre par chiffre, s'il vous plaît.",
	ticketMissing: "Je ne trouve pas le ticket %s.",
	misheard:      "Ce numéro de ticket ne peut pas être exact. Répétez les huit chiffres, un par un, s'il vous plaît.",
	noTicketFound: "Je ne vois aucun ticket de cette conversation ou de votre ligne.",
	proveIt:       "Avant de parler du ticket %s, je dois savoir qu'il est à vous.",
	proofWrong:    "Je ne trouve pas le ticket %s avec la coordonnée %s.",
	withoutProof:  "Sans cela, je ne peux pas consulter le ticket.",
	tooManyWrong:  "Trop d'informations ne correspondaient pas, je ne peux donc pas consulter un autre ticket maintenant.",
	tooManyFacts:  "Trop d'informations ne correspondaient pas, je ne peux donc pas vérifier cela maintenant.",
	onlyHere:      "Sans adresse e-mail ni numéro de téléphone, je ne peux le consulter que dans cette conversation.",
	ticketIs:      "L'état du ticket %s : %s.",
	ticketAbout:   "Il concerne : %s.",
	closed:        "Le ticket %s est fermé.",
	withdrawn:     "Le ticket %s est retiré.",
	noted:         "Je l'ai ajouté au ticket %s.",
	created:       "J'ai ouvert le ticket %s.",
	reach:         "Nous vous joindrons à %s.",
	dropped:       "D'accord, je laisse cela.",
	readBack:      "J'ai %s.",
	kept:          "Merci, c'est noté. Que puis-je faire pour vous ?",
	handover:      "J'ai demandé à un collègue de prendre le relais.",
	failed:        "Désolé, cela n'a pas fonctionné.",
	uncertain:     "Je suis désolé, je ne peux pas dire si cela a été fait.",
	noTool:        "Désolé, je ne peux pas faire cela ici.",
	goAhead:       "Oui, je vous écoute.",
	onlyLanguage:  "Désolé, je ne parle que français ici. Je peux ouvrir un ticket ou vous mettre en relation avec une personne.",
	emergency:     "Si quelqu'un est en danger, mettez-vous à l'abri et appelez tout de suite le %s.",
}

// phrasesFor returns the phrases of a BCP 47 language, the English ones if it has none.
func phrasesFor(language string) *phrases {
	switch words.Language(language) {
	case "de":
		return germanPhrases
	case "es":
		return spanishPhrases
	case "fr":
		return frenchPhrases
	default:
		return englishPhrases
	}
}

// questionIn returns the last question in text.
func (p *phrases) questionIn(text string) question {
	last, lastIndex := noQuestion, -1
	for q := noQuestion + 1; q < questionCount; q++ {
		before, after, isTemplate := strings.Cut(p.ask[q], "%s")
		i := strings.LastIndex(text, before)
		if i > lastIndex && (!isTemplate || strings.Contains(text[i:], after)) {
			last, lastIndex = q, i
		}
		if i == lastIndex && i >= 0 && !isTemplate { // "What is your ticket number?" also fits "What is your %s number?"
			last = q
		}
	}
	return last
}
