// Package understanding reads a finished turn as data: what the caller wanted, what they named,
// how they felt, and whether they were answered. It decides by words and patterns in English,
// German, French and Spanish, and by the tools that the turn used, in microseconds. Ask gives the
// turn to a language model as well, whose answer can only fill the same fields.
//
// Turns enter through Read and Ask, and a dialog.Understanding leaves. It imports dialog, tools,
// internal/fault and internal/words.
package understanding

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const maxText = 4 << 10 // bytes of what was said that are read

// Turn is what is known of a finished turn.
type Turn struct {
	Number   int
	Language string // BCP 47, of the agent
	Before   string // what the agent had said last
	Caller   string
	Reply    string
	Status   dialog.Status
	Tools    []dialog.ToolUse
	Outputs  []json.RawMessage // of the tools
	Notes    []tools.Note      // of the tools
}

// Read reads a turn.
func Read(t Turn) dialog.Understanding {
	t.Caller, t.Reply = words.Clip(t.Caller, maxText), words.Clip(t.Reply, maxText)
	u := dialog.Understanding{
		Entities: append(entities(t.Caller, t.Before), products(t.Outputs)...), Sentiment: Sentiment(t.Caller), Answered: isAnswered(t),
	}
	u.Intent, u.Confidence = intentOf(t)
	return u
}

// folded returns text in lower case without accents, with a space for each apostrophe.
func folded(text string) string {
	return strings.Join(words.Split(words.Fold(strings.NewReplacer("'", " ", "’", " ").Replace(text))), " ")
}

// rule recognizes an intent by the folded words of the caller.
type rule struct {
	intent  dialog.Intent
	pattern *regexp.Regexp
}

// rules are tried in order.
var rules = []rule{
	{dialog.IntentTicketClose, regexp.MustCompile(`\b(?:close|cancel|withdraw|schliessen|schliesse|zumachen|fermer|fermez|cloturer|cerrar|cierre)\b.*\b(?:ticket|tickets|case|tique)\b|\bticket\b.*\b(?:schliessen|zumachen|stornieren)\b`)},
	{dialog.IntentTicketChange, regexp.MustCompile(`\b(?:add|change|correct|erganze|erganzen|hinzufugen|andern|andere|ajouter|ajoutez|modifier|anadir|anada|cambiar|cambie)\b.*\b(?:ticket|tique)\b|\bticket\b.*\b(?:erganzen|hinzufugen|andern)\b`)},
	{dialog.IntentTicketStatus, regexp.MustCompile(`\b(?:status|news|update|happening|happened|stand|neues|neuigkeiten|etat|statut|nouvelles|estado|novedades|noticias)\b.*\b(?:ticket|tickets|tique)\b|\b(?:ticket|tickets|tique)\b.*\b(?:status|stand|etat|statut|estado)\b`)},
	{dialog.IntentTicketNew, regexp.MustCompile(`\b(?:open|create|make|file|raise|new|report|anlegen|offnen|aufmachen|erstellen|eroffnen|neues|ouvrir|ouvrez|creer|nouveau|abrir|abra|crear|nuevo)\b.*\b(?:ticket|tique|problem report)\b|\bticket\b.*\b(?:anlegen|offnen|aufmachen|erstellen|eroffnen)\b|\b(?:report|melden|signaler|reportar) (?:a |an |un |ein )?(?:problem|issue|fault|probleme|problema)\b|\bproblem melden\b`)},
	{dialog.IntentComplaint, regexp.MustCompile(`\b(?:complaint|complain|beschwerde|beschweren|reclamation|plainte|queja|quejarme|reclamacion)\b`)},
	{dialog.IntentHours, regexp.MustCompile(`\b(?:opening (?:hours|times)|business hours|offnungszeiten|heures d ouverture|horaires|horario|horarios)\b|\b(?:are|do|is|when|what time|until when)\b.*\b(?:open|close|closed|closing)\b|\b(?:geoffnet|geschlossen)\b|\b(?:wann|haben sie)\b.*\b(?:offen|auf|zu|offnen|schliessen)\b|\b(?:ouvert|ouverts|ouvrez|fermez|fermes)\b|\b(?:abren|cierran|abiertos|cerrados)\b`)},
	{dialog.IntentDelivery, regexp.MustCompile(`\b(?:where is|status of|track|tracking|wo ist|wo bleibt|stand|status|ou est|suivi|donde esta|seguimiento|estado)\b.*\b(?:order|package|parcel|delivery|shipment|bestellung|paket|sendung|lieferung|commande|colis|livraison|pedido|paquete|envio)\b|\b(?:order|package|parcel|delivery|shipment|bestellung|paket|sendung|lieferung|commande|colis|livraison|pedido|paquete|envio)\b.*\b(?:arrive|arrives|arrived|come|coming|shipped|dispatched|on its way|late|waiting|unterwegs|kommt|angekommen|ankommt|raus|verschickt|warte|verspatet|suivre|arrive|arriver|expediee?|partie|en retard|llega|llegado|llegara|salido|seguir|enviado)\b|\b(?:arrive|arrives|arrived|come|coming|shipped|dispatched|on its way|late|waiting|unterwegs|kommt|angekommen|ankommt|raus|verschickt|warte|verspatet|suivre|arrive|arriver|expediee?|partie|en retard|llega|llegado|llegara|salido|seguir|enviado)\b.*\b(?:order|package|parcel|delivery|shipment|bestellung|paket|sendung|lieferung|commande|colis|livraison|pedido|paquete|envio)\b`)},
	{dialog.IntentRefund, regexp.MustCompile(`\b(?:refund|refunds|money back|return (?:it|this|my|the)|send (?:it|this|that|them) back|give me my .* back|ruckerstattung|erstattung|geld zuruck|zuruckgeben|zuruckschicken|umtauschen|rembourser|remboursement|remboursez|remboursee?|retourner|reembolso|devolucion|devolver)\b`)},
	{dialog.IntentBilling, regexp.MustCompile(`\b(?:invoice|bill|billing|charged|overcharged|payment|rechnung|abgebucht|zahlung|facture|preleve|paiement|factura|cobrado|cobraron|pago)\b`)},
	// Bad words alone are a complaint, unless they are about something above.
	{dialog.IntentComplaint, regexp.MustCompile(`\b(?:unacceptable|outrageous|disgrace|ridiculous|is a joke|(?:second|third|fourth|fifth) time i|unverschamt|unverschamtheit|frechheit|inakzeptabel|das (?:ist )?(?:wirklich |echt )?das letzte|inadmissible|inacceptable|scandaleux|honte|inaceptable|vergonzoso|verguenza|inadmisible)\b`)},
	{dialog.IntentGreeting, regexp.MustCompile(`^(?:hello|hi|hey|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|bonjour|bonsoir|hola|buenos dias|buenas (?:tardes|noches))(?: there)?$`)},
	{dialog.IntentGoodbye, regexp.MustCompile(`^(?:[a-z]+ ){0,5}(?:bye|goodbye|au revoir|adios|hasta luego|tschuss|auf wiederhoren|auf wiedersehen|bonne journee)$`)},
	{dialog.IntentThanks, regexp.MustCompile(`^(?:(?:great|perfect|gut|super|bien|parfait|perfecto) )?(?:thanks|thank you|cheers|danke|vielen dank|herzlichen dank|merci|gracias|muchas gracias)\b(?: [a-z]+){0,7}$`)},
	{dialog.IntentYes, regexp.MustCompile(`^(?:yes|yeah|yep|sure|correct|exactly|ja|jawohl|genau|richtig|gerne|oui|exact|d accord|si|claro|correcto|vale)(?: (?:please|go ahead|bitte|genau|gerne|s il vous plait|claro|por favor|do that|that is right|that s right))*$`)},
	{dialog.IntentNo, regexp.MustCompile(`^(?:no|nope|nein|nee|non)(?: (?:thanks|thank you|danke|merci|gracias))?$`)},
}

var (
	// noise are words at the beginning that say nothing.
	noise    = regexp.MustCompile(`^(?:(?:uh|uhm|um|er|erm|ah|oh|hm|hmm|well|so|ok|okay|ah|ahm|aeh|also|naja|tja|euh|ben|bah|alors|eh|pues|bueno) )+`)
	question = regexp.MustCompile(`\b(?:tell me (?:about|if|how|what)|wondering|like to know|want to know|wusste gern|mochte wissen|wurde gern wissen|voudrais savoir|aimerais savoir|queria saber|quisiera saber|gustaria saber)\b|^(?:(?:and|so|und|also|et|alors|y|hello|hallo|bonjour|hola) )*(?:what|when|where|who|why|how|which|can|could|do|does|did|is|are|will|would|was|wann|wo|wer|warum|wieso|wie|welche[nrs]?|kann|konnen|haben|hat|ist|sind|gibt|quel|quelle|quels|quelles|quand|ou|qui|pourquoi|comment|combien|est ce|puis|pouvez|avez|que|cual|cuales|cuando|donde|quien|por que|como|cuanto|puedo|pueden|hay|tienen)\b`)
	// unanswered matches replies of agents that do not know, in folded text.
	unanswered = regexp.MustCompile(`\b(?:pages don t say anything|i (?:do not|don t) (?:know|have (?:that|any|this) information)|i am not sure|i m not sure|(?:could not|couldn t|did not|didn t|can t|cannot) (?:find|catch|get that|confirm|do that|work that out)|i did not get that|that didn t work|isn t working on my side|still can t answer|trouble answering|` +
		`steht auf unseren seiten leider nichts|weiss ich (?:leider )?nicht|(?:leider )?nicht verstanden|(?:leider|gerade) nicht (?:geklappt|beantworten|gefunden)|kann ich (?:hier |gerade |leider )*nicht|funktioniert gerade etwas nicht|` +
		`pages ne disent rien|je ne sais pas|n ai pas (?:compris|trouve)|n a pas fonctionne|ne peux (?:pas|toujours pas) (?:faire|repondre|vous repondre|confirmer)|` +
		`paginas no dicen nada|no lo se|no (?:le )?he (?:entendido|encontrado)|no ha funcionado|no puedo (?:hacerlo|responder|confirmar)|no puedo responderle)\b`)
)

// toolIntents are what calls of Frontdesk's own tools say about the caller's intent.
var toolIntents = map[string]dialog.Intent{
	"search_knowledge": dialog.IntentQuestion, "create_ticket": dialog.IntentTicketNew, tools.TicketStatus: dialog.IntentTicketStatus,
	"update_ticket": dialog.IntentTicketChange, "hand_over": dialog.IntentPerson, "end_call": dialog.IntentGoodbye,
}

// intentOf returns what the caller wanted, and how sure that is: words and tools that agree
// are surer than either alone.
func intentOf(t Turn) (dialog.Intent, float64) {
	said := folded(t.Caller)
	byTool := dialog.Intent("")
	for _, use := range t.Tools {
		if intent, ok := toolIntents[use.Name]; ok {
			byTool = intent
		} else if byTool == "" {
			byTool = dialog.IntentLookup
		}
	}
	byWords := dialog.Intent("")
	switch {
	case said == "":
		return dialog.IntentOther, 0
	case words.IsRequestForPerson(t.Caller):
		byWords = dialog.IntentPerson
	case words.IsGoodbye(t.Caller):
		byWords = dialog.IntentGoodbye
	default:
		plain := noise.ReplaceAllString(said, "")
		if i := slices.IndexFunc(rules, func(r rule) bool { return r.pattern.MatchString(plain) }); i >= 0 {
			byWords = rules[i].intent
		}
	}
	switch {
	case byWords != "" && byWords == byTool:
		return byWords, 0.95
	case byWords != "":
		return byWords, 0.8
	case byTool != "" && byTool != dialog.IntentQuestion:
		return byTool, 0.7
	case strings.Contains(t.Caller, "?") || question.MatchString(said):
		return dialog.IntentQuestion, 0.7
	case byTool != "":
		return byTool, 0.5
	}
	return dialog.IntentOther, 0.3
}

// isAnswered reports whether the caller got what they asked for, as far as the reply tells.
func isAnswered(t Turn) bool {
	return !hasFailed(t) && !unanswered.MatchString(folded(t.Reply))
}

// hasFailed reports whether the turn has no reply, or every tool failed.
func hasFailed(t Turn) bool {
	failed := len(t.Tools) > 0 && !slices.ContainsFunc(t.Tools, func(u dialog.ToolUse) bool { return !u.Failed })
	return t.Status == dialog.Failed || failed || strings.TrimSpace(t.Reply) == ""
}
