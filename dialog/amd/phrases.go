package amd

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// machinePhrases are what only answering machines and their owners' recordings say, by
// language, in lower case without accents or punctuation. The last word of a phrase also
// matches longer words that begin with it, such as "mailboxes".
var machinePhrases = [...][]string{
	{ // English
		"leave a message", "leave your message", "leave me a message", "leave us a message", "leave your name",
		"leave a brief message", "leave a short message", "record your message", "after the tone", "after the beep", "at the tone",
		"at the beep", "voicemail", "voice mail", "voice mailbox", "answering machine", "not available",
		"unavailable", "can't take your call", "cannot take your call", "can't come to the phone",
		"can't get to the phone", "unable to take your call", "unable to answer", "away from the phone",
	},
	{ // German
		"nach dem ton", "nach dem signalton", "nach dem piepton", "nach dem pfeifton", "nach dem piep", "nach dem signal",
		"mailbox", "sprachbox", "anrufbeantworter", "eine nachricht hinterlassen", "hinterlassen sie",
		"hinterlasst", "hinterlasse eine", "hinterlass eine", "sprechen sie nach", "nicht erreichbar", "nicht zu erreichen",
	},
	{ // Spanish
		"deje su mensaje", "deje un mensaje", "deje el mensaje", "dejar un mensaje", "dejar su mensaje",
		"deja tu mensaje", "deja un mensaje", "dejame un mensaje", "despues del tono", "despues de la senal",
		"al oir el tono", "al oir la senal", "tras la senal", "buzon de voz", "contestador", "no esta disponible",
		"no se encuentra disponible", "no puedo atender", "no podemos atender",
	},
	{ // French
		"laissez un message", "laissez votre message", "laissez moi un message", "laissez nous un message",
		"laisser un message", "laisser votre message", "laisse un message", "laisse moi un message", "apres le bip",
		"apres le signal", "apres la tonalite", "boite vocale", "messagerie", "repondeur", "pas disponible",
		"pas joignable", "ne peux pas repondre", "ne pouvons pas repondre",
	},
}

// machinePhrase returns the first phrase of machinePhrases in text, or "".
func machinePhrase(text string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1 // an accent, which NFD separates from its letter
		case r == '’':
			return '\''
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
	words := strings.FieldsFunc(plain, func(r rune) bool { return r != '\'' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	all := " " + strings.Join(words, " ")
	for _, phrases := range machinePhrases {
		for _, p := range phrases {
			if strings.Contains(all, " "+p) {
				return p
			}
		}
	}
	return ""
}
