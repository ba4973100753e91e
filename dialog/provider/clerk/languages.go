package clerk

import "frontdesk/internal/words"

// The rules for other languages than English are enough to be polite, to open a ticket and
// to reach a person. Everything else is a search of the knowledge base.
var (
	germanRules = []rule{
		match(repeat, `\b(?:wiederholen|noch einmal|nochmal|wie bitte)\b`),
		match(closeTicket, `\bticket\b.*\b(?:schließen|schliessen|zumachen)\b`),
		match(ticketStatus, `\b(?:status|stand|neues|neuigkeiten)\b.*\btickets?\b`),
		match(newTicket, `\bticket\b.*\b(?:anlegen|öffnen|aufmachen|erstellen|eröffnen)\b|\b(?:neues|ein) ticket\b|\bproblem melden\b`),
		match(wantPerson, `\b(?:mensch|menschen|mitarbeiter|mitarbeiterin|person|jemandem|jemanden|berater|chef)\b`),
		match(goodbye, `\b(?:tschüss|auf wiederhören|auf wiedersehen|das war alles|das war's)\b`),
		match(thanks, `^(?:vielen |herzlichen )?(?:danke|dank)(?: schön| sehr| ihnen)*$`),
		match(greeting, `^(?:hallo|guten tag|guten morgen|guten abend|ist da jemand|hallo ist da jemand)$`),
		match(holdOn, `^(?:moment|einen moment|moment bitte|einen moment bitte|warten sie|sekunde|augenblick)$`),
		match(yes, `^(?:ja|jawohl|genau|richtig|gerne|stimmt|bitte|natürlich|klar)\b`),
		match(no, `^(?:nein|nee|nicht|lieber nicht|falsch)\b`),
		match(backchannel, `^(?:okay|ok|gut|aha|mhm|verstehe)$`),
	}
	spanishRules = []rule{
		match(repeat, `\b(?:repetir|repita|otra vez|cómo dice)\b`),
		match(closeTicket, `\b(?:cerrar|cierre)\b.*\bticket\b`),
		match(ticketStatus, `\b(?:estado|novedades|noticias)\b.*\bticket\b`),
		match(newTicket, `\b(?:abrir|abra|crear|cree|un|nuevo)\b.*\bticket\b|\bquiero reportar\b`),
		match(wantPerson, `\b(?:persona|humano|agente|encargado|supervisor|alguien)\b`),
		match(goodbye, `\b(?:adiós|adios|hasta luego|eso es todo)\b`),
		match(thanks, `^(?:muchas )?gracias$`),
		match(greeting, `^(?:hola|buenos días|buenas tardes|buenas noches|hay alguien|hola hay alguien)$`),
		match(holdOn, `^(?:espere|un momento|un segundo|espera)(?: por favor)?$`),
		match(yes, `^(?:sí|si|claro|correcto|exacto|por favor|de acuerdo|vale)\b`),
		match(no, `^no\b`),
	}
	frenchRules = []rule{
		match(repeat, `\b(?:répéter|répétez|encore une fois|pardon)\b`),
		match(closeTicket, `\b(?:fermer|fermez|clôturer)\b.*\bticket\b`),
		match(ticketStatus, `\b(?:état|statut|nouvelles)\b.*\bticket\b`),
		match(newTicket, `\b(?:ouvrir|ouvrez|créer|créez|un|nouveau)\b.*\bticket\b|\bsignaler un problème\b`),
		match(wantPerson, `\b(?:personne|humain|conseiller|conseillère|quelqu'un|responsable|agent)\b`),
		match(goodbye, `\b(?:au revoir|bonne journée|c'est tout)\b`),
		match(thanks, `^merci(?: beaucoup| bien)*$`),
		match(greeting, `^(?:bonjour|bonsoir|allô|il y a quelqu'un|bonjour il y a quelqu'un)$`),
		match(holdOn, `^(?:attendez|un instant|un moment|une seconde)(?: s'il vous plaît)?$`),
		match(yes, `^(?:oui|exact|exactement|d'accord|bien sûr|correct|s'il vous plaît)\b`),
		match(no, `^(?:non|pas)\b`),
	}
)

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
