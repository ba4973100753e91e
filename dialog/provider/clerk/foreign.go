package clerk

import "strings"

// What callers say in other languages than English: enough to be polite, to make a
// ticket and to reach a person. Everything else goes to the knowledge base.
var (
	germanRules = []rule{
		is(repeat, `\b(?:wiederholen|noch einmal|nochmal|wie bitte)\b`),
		is(closeTicket, `\bticket\b.*\b(?:schließen|schliessen|zumachen)\b`),
		is(ticketStatus, `\b(?:status|stand|neues|neuigkeiten)\b.*\btickets?\b`),
		is(newTicket, `\bticket\b.*\b(?:anlegen|öffnen|aufmachen|erstellen|eröffnen)\b|\b(?:neues|ein) ticket\b|\bproblem melden\b`),
		is(wantPerson, `\b(?:mensch|menschen|mitarbeiter|mitarbeiterin|person|jemandem|jemanden|berater|chef)\b`),
		is(goodbye, `\b(?:tschüss|auf wiederhören|auf wiedersehen|das war alles|das war's)\b`),
		is(thanks, `^(?:vielen |herzlichen )?(?:danke|dank)(?: schön| sehr| ihnen)*$`),
		is(greeting, `^(?:hallo|guten tag|guten morgen|guten abend|ist da jemand|hallo ist da jemand)$`),
		is(holdOn, `^(?:moment|einen moment|moment bitte|einen moment bitte|warten sie|sekunde|augenblick)$`),
		is(yes, `^(?:ja|jawohl|genau|richtig|gerne|stimmt|bitte|natürlich|klar)\b`),
		is(no, `^(?:nein|nee|nicht|lieber nicht|falsch)\b`),
		is(backchannel, `^(?:okay|ok|gut|aha|mhm|verstehe)$`),
	}
	spanishRules = []rule{
		is(repeat, `\b(?:repetir|repita|otra vez|cómo dice)\b`),
		is(closeTicket, `\b(?:cerrar|cierre)\b.*\bticket\b`),
		is(ticketStatus, `\b(?:estado|novedades|noticias)\b.*\bticket\b`),
		is(newTicket, `\b(?:abrir|abra|crear|cree|un|nuevo)\b.*\bticket\b|\bquiero reportar\b`),
		is(wantPerson, `\b(?:persona|humano|agente|encargado|supervisor|alguien)\b`),
		is(goodbye, `\b(?:adiós|adios|hasta luego|eso es todo)\b`),
		is(thanks, `^(?:muchas )?gracias$`),
		is(greeting, `^(?:hola|buenos días|buenas tardes|buenas noches|hay alguien|hola hay alguien)$`),
		is(holdOn, `^(?:espere|un momento|un segundo|espera)(?: por favor)?$`),
		is(yes, `^(?:sí|si|claro|correcto|exacto|por favor|de acuerdo|vale)\b`),
		is(no, `^no\b`),
	}
	frenchRules = []rule{
		is(repeat, `\b(?:répéter|répétez|encore une fois|pardon)\b`),
		is(closeTicket, `\b(?:fermer|fermez|clôturer)\b.*\bticket\b`),
		is(ticketStatus, `\b(?:état|statut|nouvelles)\b.*\bticket\b`),
		is(newTicket, `\b(?:ouvrir|ouvrez|créer|créez|un|nouveau)\b.*\bticket\b|\bsignaler un problème\b`),
		is(wantPerson, `\b(?:personne|humain|conseiller|conseillère|quelqu'un|responsable|agent)\b`),
		is(goodbye, `\b(?:au revoir|bonne journée|c'est tout)\b`),
		is(thanks, `^merci(?: beaucoup| bien)*$`),
		is(greeting, `^(?:bonjour|bonsoir|allô|il y a quelqu'un|bonjour il y a quelqu'un)$`),
		is(holdOn, `^(?:attendez|un instant|un moment|une seconde)(?: s'il vous plaît)?$`),
		is(yes, `^(?:oui|exact|exactement|d'accord|bien sûr|correct|s'il vous plaît)\b`),
		is(no, `^(?:non|pas)\b`),
	}
)

// rulesOf are the rules of a BCP 47 language: English where there are none.
func rulesOf(language string) []rule {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	switch base {
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
