package conversation

import (
	"strings"

	"frontdesk/internal/words"
)

// cannotHear is the code of the notice that the agent has no recognizer.
const cannotHear = "cannot_hear"

// texts are what the agent says in one language where neither its folder nor a model gives
// the words.
type texts struct {
	prompt           string // to a caller who is silent
	farewell         string
	takeYourTime     string // after a request for time
	notUnderstood    string
	choice           string // %s: the key for this language
	choiceKept       string // after the key of the agent that is speaking
	choiceRefused    string // after the key of an agent that cannot answer now
	callBackPromised string
	nobodyThere      string // no person took the call
	escalated        string // why a person was offered, before the caller's words
	callBack         callBackTexts
	callFor          string   // to a person who is to take the call; %s: the agent's title
	pressToTake      string   // to that person
	tookCall         string   // noted on the hand-over's ticket
	apologies        []string // said in turn when no model answers
	fillers          []string // said in turn while a model or a tool takes long; may be empty

	tools   toolTexts
	notices noticeTexts
}

// toolTexts tell how a tool goes, if the model does not.
type toolTexts struct {
	takesLonger  string // a tool goes on while the caller talks
	stillRunning string // to a caller who waits for it in silence
	isFinished   string // it is done, and the model says nothing of the result
	didNotWork   string // a tool failed, and the model says nothing of it
	isUnknown    string // a tool with an effect did not answer
	cancelled    string
	cannotCancel string // a tool with an effect runs
}

// callBackTexts are about calling the caller back.
type callBackTexts struct {
	closed      string // nobody answers now, and it is not known when somebody does
	atOpening   string // nobody answers now; %s: when somebody does
	named       string // %s: the time that the caller named
	subject     string // of the ticket, before the reason
	promised    string // tells the team of the promise; %s: from when
	greeting    string // %s: the company that calls back
	toPerson    string // to a person who is to call back; %s: the agent's title
	pressToCall string // to that person
	soon        string // when somebody calls back in the opening hours
}

// noticeTexts tell the caller that a part fails or is missing.
type noticeTexts struct {
	hearingLost   string
	cannotHear    string // the agent has no recognizer, and the caller can type
	pressKeys     string // the agent has no recognizer, and the caller has a telephone
	voiceLost     string
	modelLost     string
	modelSwitched string
	toolFailed    string
	notSaved      string
	lineNoisy     string // said once in a call in which noise makes the caller hard to understand
}

var englishTexts = &texts{
	prompt:           "Are you still there?",
	farewell:         "Thank you for calling. Goodbye!",
	takeYourTime:     "Of course.",
	notUnderstood:    "Sorry, I did not get that. Could you say it another way?",
	choice:           "For English, press %s.",
	choiceKept:       "All right. How can I help you?",
	choiceRefused:    "I'm sorry, that choice is not available right now. You can go on talking here.",
	callBackPromised: "All right. Your request is noted, and a colleague will call you back.",
	nobodyThere:      "I'm sorry, nobody can take your call right now. Your request is noted, and a colleague will call you back.",
	callBack: callBackTexts{
		closed:      "Nobody is here at the moment. Your request is noted, and a colleague will call you back.",
		atOpening:   "We are closed at the moment. Your request is noted, and a colleague will call you back when we are open again: %s.",
		named:       "A colleague will call you back %s.",
		subject:     "Call back:",
		promised:    "Promised call-back: from %s.",
		greeting:    "Hello, this is %s. You asked us to call you back.",
		toPerson:    "A call-back for %s.",
		pressToCall: "Press one, and I connect you with the caller.",
		soon:        "as soon as possible",
	},
	escalated:   "Offered by the agent:",
	callFor:     "A call for %s.",
	pressToTake: "Press one to take the call.",
	tookCall:    "A person took the call.",
	apologies: []string{
		"I'm sorry, I can't work that out just now. Could you ask me again in a moment?",
		"I'm sorry, something isn't working on my side. Please try once more.",
		"I still can't answer properly, I'm sorry. Please try again a little later.",
	},
	fillers: []string{"One moment.", "Let me check that.", "Just a second."},
	tools: toolTexts{
		takesLonger:  "That takes a little longer. I'll tell you as soon as I have it. What else can I do meanwhile?",
		stillRunning: "I'm still waiting for the answer. It will take a little longer.",
		isFinished:   "The answer has come. What would you like to know about it?",
		didNotWork:   "I'm sorry, that did not work.",
		isUnknown:    "I'm sorry, I can't tell whether that was done.",
		cancelled:    "All right, I have stopped that.",
		cannotCancel: "I can't stop that any more; it may already be done. I'll tell you as soon as I know.",
	},
	notices: noticeTexts{
		hearingLost:   "I can't hear you at the moment. Please type instead; I can read what you write.",
		cannotHear:    "I can't hear you, but I can read: please type your question.",
		pressKeys:     "I'm sorry, I can't understand speech on this line. You can enter numbers with the keys of your telephone, such as the number of an order.",
		voiceLost:     "My voice isn't working at the moment. You can read my answers here.",
		modelLost:     "I have trouble answering at the moment.",
		modelSwitched: "My usual knowledge isn't available, so my answers may be simpler for now.",
		toolFailed:    "Something I tried to look up or do just now did not work.",
		notSaved:      "This conversation can't be saved at the moment. You can go on talking.",
		lineNoisy:     "There is a lot of noise on the line, so I may misunderstand you. It would help to speak closer to the phone, or from a quieter place.",
	},
}

var germanTexts = &texts{
	prompt:           "Sind Sie noch da?",
	farewell:         "Vielen Dank für Ihren Anruf. Auf Wiederhören!",
	takeYourTime:     "Natürlich.",
	notUnderstood:    "Das habe ich leider nicht verstanden. Könnten Sie es bitte anders sagen?",
	choice:           "Für Deutsch drücken Sie die %s.",
	choiceKept:       "Gut. Wie kann ich Ihnen helfen?",
	choiceRefused:    "Diese Auswahl ist im Moment leider nicht verfügbar. Sie können hier weitersprechen.",
	callBackPromised: "Gut. Ihr Anliegen ist notiert, und wir rufen Sie zurück.",
	nobodyThere:      "Es tut mir leid, im Moment kann niemand Ihren Anruf annehmen. Ihr Anliegen ist notiert, und wir rufen Sie zurück.",
	callBack: callBackTexts{
		closed:      "Im Moment ist niemand da. Ihr Anliegen ist notiert, und wir rufen Sie zurück.",
		atOpening:   "Wir haben gerade geschlossen. Ihr Anliegen ist notiert, und wir rufen Sie zurück, sobald wir wieder geöffnet haben: %s.",
		named:       "Gut, wir rufen Sie %s zurück.",
		subject:     "Rückruf:",
		promised:    "Zugesagter Rückruf: ab %s.",
		greeting:    "Guten Tag, hier ist %s. Sie hatten um einen Rückruf gebeten.",
		toPerson:    "Ein Rückruf für %s.",
		pressToCall: "Drücken Sie die Eins, dann verbinde ich Sie mit dem Anrufer.",
		soon:        "so bald wie möglich",
	},
	escalated:   "Vom Agenten angeboten:",
	callFor:     "Ein Anruf für %s.",
	pressToTake: "Drücken Sie die Eins, um das Gespräch anzunehmen.",
	tookCall:    "Ein Mensch hat das Gespräch übernommen.",
	apologies: []string{
		"Es tut mir leid, das kann ich gerade nicht beantworten. Könnten Sie gleich noch einmal fragen?",
		"Entschuldigung, bei mir funktioniert gerade etwas nicht. Bitte versuchen Sie es noch einmal.",
		"Ich kann Ihnen leider immer noch nicht richtig antworten. Bitte versuchen Sie es etwas später wieder.",
	},
	fillers: []string{"Einen Moment, bitte.", "Ich sehe gerade nach.", "Einen Augenblick."},
	tools: toolTexts{
		takesLonger:  "Das dauert etwas länger. Ich sage Ihnen Bescheid, sobald ich es habe. Was kann ich in der Zwischenzeit für Sie tun?",
		stillRunning: "Ich warte noch auf die Antwort. Es dauert noch etwas.",
		isFinished:   "Die Antwort ist da. Was möchten Sie dazu wissen?",
		didNotWork:   "Das hat leider nicht geklappt.",
		isUnknown:    "Ich kann leider nicht sagen, ob das erledigt wurde.",
		cancelled:    "Gut, das habe ich abgebrochen.",
		cannotCancel: "Das kann ich nicht mehr anhalten; vielleicht ist es schon erledigt. Ich sage Ihnen Bescheid, sobald ich es weiß.",
	},
	notices: noticeTexts{
		hearingLost:   "Ich kann Sie im Moment nicht hören. Bitte schreiben Sie mir; was Sie schreiben, kann ich lesen.",
		cannotHear:    "Ich kann Sie nicht hören, aber ich kann lesen: Bitte schreiben Sie Ihre Frage.",
		pressKeys:     "Es tut mir leid, gesprochene Sprache verstehe ich auf dieser Leitung nicht. Zahlen, zum Beispiel eine Bestellnummer, können Sie über die Tasten Ihres Telefons eingeben.",
		voiceLost:     "Meine Stimme fällt gerade aus. Sie können meine Antworten hier lesen.",
		modelLost:     "Ich habe gerade Schwierigkeiten zu antworten.",
		modelSwitched: "Mein gewohntes Wissen steht gerade nicht zur Verfügung, deshalb können meine Antworten einfacher ausfallen.",
		toolFailed:    "Etwas, das ich gerade nachsehen oder erledigen wollte, hat nicht geklappt.",
		notSaved:      "Dieses Gespräch kann gerade nicht gespeichert werden. Sie können trotzdem weitersprechen.",
		lineNoisy:     "In der Leitung ist es sehr laut, deshalb verstehe ich Sie vielleicht falsch. Bitte sprechen Sie näher am Telefon oder an einem ruhigeren Ort.",
	},
}

var frenchTexts = &texts{
	prompt:           "Êtes-vous toujours là ?",
	farewell:         "Merci de votre appel. Au revoir !",
	takeYourTime:     "Bien sûr.",
	notUnderstood:    "Pardon, je n'ai pas compris. Pourriez-vous le dire autrement ?",
	choice:           "Pour le français, appuyez sur le %s.",
	choiceKept:       "Très bien. Comment puis-je vous aider ?",
	choiceRefused:    "Désolé, ce choix n'est pas disponible pour le moment. Vous pouvez continuer à parler ici.",
	callBackPromised: "Très bien. Votre demande est notée et nous vous rappellerons.",
	nobodyThere:      "Je suis désolé, personne ne peut prendre votre appel pour le moment. Votre demande est notée et nous vous rappellerons.",
	callBack: callBackTexts{
		closed:      "Personne n'est disponible pour le moment. Votre demande est notée et nous vous rappellerons.",
		atOpening:   "Nous sommes fermés pour le moment. Votre demande est notée et nous vous rappellerons dès notre réouverture : %s.",
		named:       "Très bien, nous vous rappellerons %s.",
		subject:     "À rappeler :",
		promised:    "Rappel promis : à partir de %s.",
		greeting:    "Bonjour, ici %s. Vous nous avez demandé de vous rappeler.",
		toPerson:    "Un rappel pour %s.",
		pressToCall: "Appuyez sur le un pour être mis en relation avec l'appelant.",
		soon:        "dès que possible",
	},
	escalated:   "Proposé par l'agent :",
	callFor:     "Un appel pour %s.",
	pressToTake: "Appuyez sur le un pour prendre l'appel.",
	tookCall:    "Une personne a pris l'appel.",
	apologies: []string{
		"Je suis désolé, je ne peux pas répondre à cela pour l'instant. Pourriez-vous me reposer la question dans un moment ?",
		"Excusez-moi, quelque chose ne fonctionne pas de mon côté. Veuillez réessayer.",
		"Je suis désolé, je ne peux toujours pas vous répondre correctement. Veuillez réessayer un peu plus tard.",
	},
	fillers: []string{"Un instant, s'il vous plaît.", "Je vérifie.", "Une petite seconde."},
	tools: toolTexts{
		takesLonger:  "Cela prend un peu plus de temps. Je vous le dirai dès que je l'aurai. Que puis-je faire pour vous en attendant ?",
		stillRunning: "J'attends encore la réponse. Cela va prendre encore un peu de temps.",
		isFinished:   "La réponse est arrivée. Que voulez-vous savoir ?",
		didNotWork:   "Je suis désolé, cela n'a pas fonctionné.",
		isUnknown:    "Je suis désolé, je ne peux pas dire si cela a été fait.",
		cancelled:    "D'accord, j'ai arrêté cela.",
		cannotCancel: "Je ne peux plus l'arrêter ; c'est peut-être déjà fait. Je vous le dirai dès que je le saurai.",
	},
	notices: noticeTexts{
		hearingLost:   "Je ne vous entends plus pour le moment. Écrivez-moi, s'il vous plaît : je peux lire vos messages.",
		cannotHear:    "Je ne peux pas vous entendre, mais je peux lire : écrivez votre question, s'il vous plaît.",
		pressKeys:     "Je suis désolé, je ne comprends pas la parole sur cette ligne. Vous pouvez saisir des numéros, par exemple celui d'une commande, avec les touches de votre téléphone.",
		voiceLost:     "Ma voix ne fonctionne pas pour le moment. Vous pouvez lire mes réponses ici.",
		modelLost:     "J'ai du mal à répondre pour le moment.",
		modelSwitched: "Mes connaissances habituelles ne sont pas disponibles : mes réponses seront peut-être plus simples.",
		toolFailed:    "Une recherche ou une opération que je viens d'essayer n'a pas fonctionné.",
		notSaved:      "Cette conversation ne peut pas être enregistrée pour le moment. Vous pouvez continuer à parler.",
		lineNoisy:     "Il y a beaucoup de bruit sur la ligne, je risque donc de mal vous comprendre. Parlez plus près du téléphone ou dans un endroit plus calme, s'il vous plaît.",
	},
}

var spanishTexts = &texts{
	prompt:           "¿Sigue ahí?",
	farewell:         "Gracias por su llamada. ¡Hasta luego!",
	takeYourTime:     "Por supuesto.",
	notUnderstood:    "Perdone, no le he entendido. ¿Podría decirlo de otra manera?",
	choice:           "Para español, pulse el %s.",
	choiceKept:       "De acuerdo. ¿En qué puedo ayudarle?",
	choiceRefused:    "Lo siento, esa opción no está disponible en este momento. Puede seguir hablando aquí.",
	callBackPromised: "De acuerdo. Su solicitud queda anotada y le devolveremos la llamada.",
	nobodyThere:      "Lo siento, en este momento nadie puede atender su llamada. Su solicitud queda anotada y le devolveremos la llamada.",
	callBack: callBackTexts{
		closed:      "En este momento no hay nadie. Su solicitud queda anotada y le devolveremos la llamada.",
		atOpening:   "En este momento estamos cerrados. Su solicitud queda anotada y le devolveremos la llamada cuando volvamos a abrir: %s.",
		named:       "De acuerdo, le llamaremos %s.",
		subject:     "Devolver llamada:",
		promised:    "Llamada prometida: a partir de %s.",
		greeting:    "Hola, le llama %s. Nos pidió que le devolviéramos la llamada.",
		toPerson:    "Una llamada pendiente de %s.",
		pressToCall: "Pulse el uno y le pongo en contacto con la persona.",
		soon:        "lo antes posible",
	},
	escalated:   "Ofrecido por el agente:",
	callFor:     "Una llamada para %s.",
	pressToTake: "Pulse el uno para aceptar la llamada.",
	tookCall:    "Una persona ha atendido la llamada.",
	apologies: []string{
		"Lo siento, ahora mismo no puedo responder a eso. ¿Podría preguntármelo de nuevo dentro de un momento?",
		"Disculpe, algo no funciona por mi parte. Inténtelo otra vez, por favor.",
		"Lo siento, sigo sin poder responderle bien. Vuelva a intentarlo un poco más tarde, por favor.",
	},
	fillers: []string{"Un momento, por favor.", "Voy a comprobarlo.", "Un segundo."},
	tools: toolTexts{
		takesLonger:  "Esto tarda un poco más. Se lo diré en cuanto lo tenga. ¿Qué más puedo hacer mientras tanto?",
		stillRunning: "Todavía espero la respuesta. Tardará un poco más.",
		isFinished:   "Ya ha llegado la respuesta. ¿Qué quiere saber?",
		didNotWork:   "Lo siento, no ha funcionado.",
		isUnknown:    "Lo siento, no puedo decirle si se ha hecho.",
		cancelled:    "De acuerdo, lo he detenido.",
		cannotCancel: "Ya no puedo detenerlo; puede que ya esté hecho. Se lo diré en cuanto lo sepa.",
	},
	notices: noticeTexts{
		hearingLost:   "En este momento no puedo oírle. Escríbame, por favor: puedo leer lo que escriba.",
		cannotHear:    "No puedo oírle, pero puedo leer: escriba su pregunta, por favor.",
		pressKeys:     "Lo siento, en esta línea no entiendo lo que se dice de viva voz. Puede marcar números, por ejemplo el de un pedido, con las teclas de su teléfono.",
		voiceLost:     "Mi voz no funciona en este momento. Puede leer aquí mis respuestas.",
		modelLost:     "En este momento me cuesta responder.",
		modelSwitched: "Mis conocimientos habituales no están disponibles, así que mis respuestas pueden ser más sencillas.",
		toolFailed:    "Algo que acabo de intentar consultar o hacer no ha funcionado.",
		notSaved:      "Esta conversación no se puede guardar en este momento. Puede seguir hablando.",
		lineNoisy:     "Hay mucho ruido en la línea, así que quizá no le entienda bien. Por favor, hable más cerca del teléfono o desde un lugar más tranquilo.",
	},
}

// shownTexts are for languages without texts of their own. They are the English ones without
// those that are better not said than said in the wrong language.
var shownTexts = func() *texts {
	t := *englishTexts
	t.fillers = nil
	return &t
}()

// HandoverTexts returns what tells a person, in the language of an agent with that title, that
// a caller of the agent waits, and which key takes the call.
func HandoverTexts(language, title string) (callFor, pressToTake string) {
	t := textsFor(language)
	return strings.ReplaceAll(t.callFor, "%s", title), t.pressToTake
}

// CallBackTexts returns what tells a person, in the language of an agent with that title, that a
// caller of the agent waits for a call-back, and which key makes it.
func CallBackTexts(language, title string) (callBackFor, pressToCall string) {
	t := textsFor(language).callBack
	return strings.ReplaceAll(t.toPerson, "%s", title), t.pressToCall
}

// CallBackGreeting returns what an agent with that title says first when it calls back.
func CallBackGreeting(language, title string) string {
	return strings.ReplaceAll(textsFor(language).callBack.greeting, "%s", title)
}

// texts returns the texts in the agent's language.
func (c *conversation) texts() *texts { return textsFor(c.agent.Language) }

// textsFor returns the texts of a BCP 47 language, the English ones if it has none.
func textsFor(language string) *texts {
	switch words.Language(language) {
	case "", "en":
		return englishTexts
	case "de":
		return germanTexts
	case "fr":
		return frenchTexts
	case "es":
		return spanishTexts
	default:
		return shownTexts
	}
}
