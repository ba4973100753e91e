package callback

import "frontdesk/internal/words"

// texts are what is noted on tickets, in one language.
type texts struct {
	try       string // %d: the call, %d: of how many, %s: its result
	results   map[Result]string
	planned   string // %s: the time of the first call
	next      string // %s: the time of the next call
	missed    string
	untouched string
	canceled  string
}

var byLanguage = map[string]*texts{
	"en": {
		try: "Call-back, call %d of %d: %s",
		results: map[Result]string{
			Answered: "the caller answered.", Busy: "the line was busy.", NoAnswer: "nobody answered.", Declined: "the call was declined.",
			Machine: "an answering machine answered.", Unreachable: "the line could not be reached.", NoPerson: "nobody of the team took the call.",
			Unknown: "it is not known whether somebody answered, because the server failed.",
		},
		planned:   "The caller is called back automatically: %s.",
		next:      "Next call: %s.",
		missed:    "The promised call-back was not made.",
		untouched: "The caller was promised a call-back, and nobody has worked on this ticket since.",
		canceled:  "The promised call-back was canceled by an operator.",
	},
	"de": {
		try: "Rückruf, Anruf %d von %d: %s",
		results: map[Result]string{
			Answered: "Der Anrufer hat abgenommen.", Busy: "Es war besetzt.", NoAnswer: "Niemand hat abgenommen.", Declined: "Der Anruf wurde abgelehnt.",
			Machine: "Ein Anrufbeantworter hat abgenommen.", Unreachable: "Der Anschluss war nicht erreichbar.", NoPerson: "Niemand aus dem Team hat das Gespräch angenommen.",
			Unknown: "Ob jemand abgenommen hat, ist nicht bekannt, weil der Server ausfiel.",
		},
		planned:   "Der Anrufer wird automatisch zurückgerufen: %s.",
		next:      "Nächster Anruf: %s.",
		missed:    "Der zugesagte Rückruf fand nicht statt.",
		untouched: "Dem Anrufer wurde ein Rückruf zugesagt, und seitdem hat niemand dieses Ticket bearbeitet.",
		canceled:  "Der zugesagte Rückruf wurde vom Betreiber abgesagt.",
	},
	"fr": {
		try: "Rappel, appel %d sur %d : %s",
		results: map[Result]string{
			Answered: "l'appelant a répondu.", Busy: "la ligne était occupée.", NoAnswer: "personne n'a répondu.", Declined: "l'appel a été refusé.",
			Machine: "un répondeur a répondu.", Unreachable: "la ligne n'a pas pu être jointe.", NoPerson: "personne de l'équipe n'a pris l'appel.",
			Unknown: "on ne sait pas si quelqu'un a répondu, car le serveur est tombé en panne.",
		},
		planned:   "L'appelant sera rappelé automatiquement : %s.",
		next:      "Prochain appel : %s.",
		missed:    "Le rappel promis n'a pas eu lieu.",
		untouched: "Un rappel a été promis à l'appelant, et personne n'a traité ce ticket depuis.",
		canceled:  "Le rappel promis a été annulé par un opérateur.",
	},
	"es": {
		try: "Llamada prometida, intento %d de %d: %s",
		results: map[Result]string{
			Answered: "la persona contestó.", Busy: "la línea estaba ocupada.", NoAnswer: "nadie contestó.", Declined: "la llamada fue rechazada.",
			Machine: "contestó un contestador automático.", Unreachable: "no se pudo alcanzar la línea.", NoPerson: "nadie del equipo aceptó la llamada.",
			Unknown: "no se sabe si alguien contestó, porque el servidor falló.",
		},
		planned:   "Se devolverá la llamada automáticamente: %s.",
		next:      "Próxima llamada: %s.",
		missed:    "La llamada prometida no se hizo.",
		untouched: "Se prometió devolver la llamada, y desde entonces nadie ha trabajado en este tique.",
		canceled:  "Un operador canceló la llamada prometida.",
	},
}

// textsFor returns the texts of a BCP 47 language, the English ones if it has none.
func textsFor(language string) *texts {
	if t := byLanguage[words.Language(language)]; t != nil {
		return t
	}
	return byLanguage["en"]
}
