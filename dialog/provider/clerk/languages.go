package clerk

import (
	"strings"

	"frontdesk/internal/words"
)

// The rules for other languages than English are enough to be polite, to open a ticket and
// to reach a person. Everything else is a search of the knowledge base.
var (
	germanRules = []rule{
		matchFolded(emergency, `\b(?:es brennt|brennt lichterloh|in flammen|gasgeruch|riecht nach gas|gas ausgetreten|stromschlag|atmet nicht|herzinfarkt|schlaganfall|bewusstlos|blutet stark|schwer verletzt|umbringen|das ist ein notfall)\b`),
		matchFolded(repeat, `\b(?:wiederholen|noch einmal|nochmal|wie bitte)\b`),
		matchFolded(closeTicket, `\bticket\b.*\b(?:schließen|schliessen|zumachen)\b|\b(?:schließen|schliessen|schließe|schließ)\b.*\bticket\b`),
		matchFolded(ticketStatus, `\b(?:status|stand|neues|neuigkeiten)\b.*\btickets?\b`),
		matchFolded(newTicket, `\bticket\b.*\b(?:anlegen|öffnen|aufmachen|erstellen|eröffnen)\b|\b(?:neues|ein) ticket\b|\bproblem melden\b`),
		matchFolded(wantPerson, `\b(?:mensch|menschen|mitarbeiter|mitarbeiterin|person|jemandem|jemanden|berater|chef|rückruf|zurückrufen)\b|\brufen sie (?:mich|uns)\b`),
		matchFolded(goodbye, `\b(?:tschüss|auf wiederhören|auf wiedersehen|das war alles|das war's)\b`),
		matchFolded(thanks, `^(?:vielen |herzlichen )?(?:danke|dank)(?: schön| sehr| ihnen)*$`),
		matchFolded(greeting, `^(?:hallo|guten tag|guten morgen|guten abend|ist da jemand|hallo ist da jemand)$`),
		matchFolded(holdOn, `^(?:moment|einen moment|moment bitte|einen moment bitte|warten sie|sekunde|augenblick)$`),
		matchFolded(yes, `^(?:ja|jawohl|genau|richtig|gerne|stimmt|bitte|natürlich|klar)\b`),
		matchFolded(no, `^(?:nein|nee|nicht|lieber nicht|falsch)\b`),
		matchFolded(backchannel, `^(?:okay|ok|gut|aha|mhm|verstehe)$`),
	}
	spanishRules = []rule{
		matchFolded(emergency, `\b(?:se está quemando|en llamas|huele a gas|fuga de gas|descarga eléctrica|no respira|infarto|inconsciente|sangra mucho|suicidar\w*|es una emergencia)\b`),
		matchFolded(repeat, `\b(?:repetir|repita|otra vez|cómo dice)\b`),
		matchFolded(closeTicket, `\b(?:cerrar|cierre|cierra)\b.*\b(?:ticket|tique)\b`),
		matchFolded(ticketStatus, `\b(?:estado|novedades|noticias)\b.*\bticket\b`),
		matchFolded(newTicket, `\b(?:abrir|abra|crear|cree|un|nuevo)\b.*\bticket\b|\bquiero reportar\b`),
		matchFolded(wantPerson, `\b(?:persona|humano|agente|encargado|supervisor|alguien|llámeme|llámenme)\b|\bdevuélvan?me la llamada\b`),
		matchFolded(goodbye, `\b(?:adiós|adios|hasta luego|eso es todo)\b`),
		matchFolded(thanks, `^(?:muchas )?gracias$`),
		matchFolded(greeting, `^(?:hola|buenos días|buenas tardes|buenas noches|hay alguien|hola hay alguien)$`),
		matchFolded(holdOn, `^(?:espere|un momento|un segundo|espera)(?: por favor)?$`),
		matchFolded(yes, `^(?:sí|si|claro|correcto|exacto|por favor|de acuerdo|vale)\b`),
		matchFolded(no, `^no\b`),
	}
	frenchRules = []rule{
		matchFolded(emergency, `\b(?:en feu|prend feu|en flammes|sent le gaz|odeur de gaz|fuite de gaz|électrocuté|ne respire plus|crise cardiaque|inconscient|saigne beaucoup|suicider|c'est une urgence)\b`),
		matchFolded(repeat, `\b(?:répéter|répétez|encore une fois|pardon)\b`),
		matchFolded(closeTicket, `\b(?:fermer|fermez|ferme|clôturer|clôturez)\b.*\bticket\b`),
		matchFolded(ticketStatus, `\b(?:état|statut|nouvelles)\b.*\bticket\b`),
		matchFolded(newTicket, `\b(?:ouvrir|ouvrez|créer|créez|un|nouveau)\b.*\bticket\b|\bsignaler un problème\b`),
		matchFolded(wantPerson, `\b(?:personne|humain|conseiller|conseillère|quelqu'un|responsable|agent|rappelez)\b|\bme rappeler\b`),
		matchFolded(goodbye, `\b(?:au revoir|bonne journée|c'est tout)\b`),
		matchFolded(thanks, `^merci(?: beaucoup| bien)*$`),
		matchFolded(greeting, `^(?:bonjour|bonsoir|allô|il y a quelqu'un|bonjour il y a quelqu'un)$`),
		matchFolded(holdOn, `^(?:attendez|un instant|un moment|une seconde)(?: s'il vous plaît)?$`),
		matchFolded(yes, `^(?:oui|exact|exactement|d'accord|bien sûr|correct|s'il vous plaît)\b`),
		matchFolded(no, `^(?:non|pas)\b`),
	}
)

// folded returns text of another language than English as matchFolded expects it: without
// accents, because \b knows ASCII only, and with a space for each apostrophe, so that "l'état"
// is two words.
func folded(text string) string { return words.Fold(strings.ReplaceAll(text, "'", " ")) }

// matchFolded returns a rule that matches folded text.
func matchFolded(i intent, pattern string) rule {
	r := match(i, folded(pattern))
	r.isFolded = true
	return r
}

// rulesFor returns the rules of a BCP 47 language, the English ones if it has none.
func rulesFor(language string) []rule {
	switch words.Language(language) {
	case "de":
		return germanRules
	case "es":
		return spanishRules
	case "fr":
		return frenchRules
	default:
		return englishRules
	}
}
