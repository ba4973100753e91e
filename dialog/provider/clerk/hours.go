package clerk

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/hours"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// hourWords recognize questions about the date, the time and the opening hours in one
// language, in folded text. A question with any other word than known is about something
// else, such as the hours of one shop of several, and the pages answer it.
type hourWords struct {
	topic   string // what pages with opening hours are about
	known   words.Set
	date    *regexp.Regexp // asks for the day or the date
	clock   *regexp.Regexp // asks for the time
	open    *regexp.Regexp // is about opening hours
	now     *regexp.Regexp // whether it is open now
	closing *regexp.Regexp // until when it is open
	week    *regexp.Regexp // the hours of all days
	next    *regexp.Regexp // when it opens
	today   *regexp.Regexp
	morrow  *regexp.Regexp // tomorrow
	morning *regexp.Regexp // a morning that is said with the word for tomorrow; may be nil
	days    [7]string      // by time.Weekday
	later   *regexp.Regexp // the same weekday, but not today
}

var hourWordsOf = map[string]*hourWords{
	"en": {
		topic: "opening hours",
		known: words.NewSet(`are is am will be being you we they do does did the your this that shop store office desk hotline line business company place service team
			open opened opening opens close closed closes closing shut hours hour time times when what which until till how late early long today tonight tomorrow now right currently at
			moment still yet next again on coming morning afternoon evening and or for me tell can could would please know like to i a of day days date week weekday during it there from in
			hi hello okay so then also current have got just want need any monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays`),
		date:    regexp.MustCompile(`\b(?:what|which) (?:day|date|weekday) (?:is|do we have|are we|of the week is)\b|\b(?:what|tell me|know|have) (?:is )?(?:the )?(?:today )?(?:current )?date\b|\bwhat is today$`),
		clock:   regexp.MustCompile(`\bwhat time (?:is it|do we have|is now|it is)\b|\b(?:what is|tell me|know|have you got) the (?:current )?time\b`),
		open:    regexp.MustCompile(`\b(?:open|opened|opening|opens|close|closed|closes|closing|shut|hours)\b`),
		now:     regexp.MustCompile(`\b(?:now|currently|still|yet|moment)\b|^(?:\w+ )?(?:are|is) (?:\w+ ){1,3}(?:open|closed)$`),
		closing: regexp.MustCompile(`\b(?:when|what time|until|till|how late|how long)\b.*\b(?:close|closes|closing|shut|open)\b|\bopen (?:until|till)\b`),
		week:    regexp.MustCompile(`\bhours\b|\bopening times\b|\bwhen are you open\b|\b(?:what|which) days\b`),
		next:    regexp.MustCompile(`\b(?:when|what time|how early)\b.*\b(?:open|opens)\b|\b(?:next|again)\b`),
		today:   regexp.MustCompile(`\b(?:today|tonight|this (?:morning|afternoon|evening))\b`), morrow: regexp.MustCompile(`\btomorrow\b`), later: regexp.MustCompile(`\bnext\b`),
		days: [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
	},
	"de": {
		topic: "öffnungszeiten",
		known: words.NewSet(`haben sie habt ihr hat was ist sind seid das der die den dem ihr euer eure ihre geschaft laden buro werkstatt zentrale hotline denn eigentlich noch schon jetzt gerade momentan im moment
			heute abend fruh morgen nachmittag vormittag wann ab bis wie lange um wieviel viel uhr uhrzeit spat geoffnet offen auf zu geschlossen offnen offnet offnest schliessen schliesst machen macht
			wieder nachste nachsten nachster am an und oder fur mir sagen konnen kann bitte wissen ich mochte welche welcher welches welchen tag tage datum wochentag wievielte wievielten es wir offnungszeiten zeiten
			zur zeit hallo guten also auch sonst von mal nur in der woche kommenden montag dienstag mittwoch donnerstag freitag samstag sonntag montags dienstags mittwochs donnerstags freitags samstags sonntags`),
		date:    regexp.MustCompile(`\bwelche[nrs]? (?:tag|wochentag|datum)\b|\bwievielte[n]?\b|\bdatum\b`),
		clock:   regexp.MustCompile(`\bwie spat ist es\b|\bwie ?viel uhr ist es\b|\b(?:welche|die) uhrzeit\b`),
		open:    regexp.MustCompile(`\b(?:geoffnet|offen|geschlossen|offnen|offnet|schliessen|schliesst|offnungszeiten)\b|\b(?:haben sie|habt ihr|hat|machen sie|macht)\b.*\b(?:auf|zu)\b`),
		now:     regexp.MustCompile(`\b(?:jetzt|gerade|momentan|moment|noch|schon|zur zeit)\b|^(?:haben sie|habt ihr|hat) (?:\w+ ){0,3}(?:geoffnet|offen|auf|zu|geschlossen)$`),
		closing: regexp.MustCompile(`\b(?:bis wann|wie lange)\b|\b(?:wann|um wie ?viel uhr)\b.*\b(?:schliessen|schliesst|zu)\b`),
		week:    regexp.MustCompile(`\boffnungszeiten\b|\bwann (?:haben sie|habt ihr|hat|ist|sind) .*\b(?:geoffnet|offen|auf)\b|\bwelchen tagen\b`),
		next:    regexp.MustCompile(`\b(?:wann|um wie ?viel uhr|ab)\b.*\b(?:offnen|offnet|auf|geoffnet|offen)\b|\b(?:wieder|nachste[nr]?)\b`),
		today:   regexp.MustCompile(`\bheute\b`), morrow: regexp.MustCompile(`\bmorgen\b`),
		morning: regexp.MustCompile(`\b(?:heute|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag) morgen\b`), later: regexp.MustCompile(`\bnachste[nr]?\b`),
		days: [7]string{"sonntag", "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag"},
	},
	"fr": {
		topic: "horaires d ouverture",
		known: words.NewSet(`etes est sont vous nous votre vos le la les l un une magasin boutique bureau service atelier agence ouvert ouverts ouverte ouvertes ferme fermes fermee fermees ouvrez ouvre ouvrir
			fermez fermer fermeture ouverture ouvertures rouvrez rouvre maintenant actuellement en ce moment encore deja aujourd hui demain matin soir apres midi quand a quelle quelles quel quels heure heures
			jusqu jusque combien de du des horaires horaire prochain prochaine fois jour jours date sommes on il et ou pour me dire pouvez pourriez savoir je voudrais s te plait que qu c cette semaine
			bonjour est-ce lundi mardi mercredi jeudi vendredi samedi dimanche au dans nouveau`),
		date:    regexp.MustCompile(`\bquel jour (?:sommes|on est|est|nous)\b|\b(?:quelle|la) (?:est la )?date\b`),
		clock:   regexp.MustCompile(`\bquelle heure (?:est il|il est)\b|\bdire l heure\b|\bl heure qu il est\b`),
		open:    regexp.MustCompile(`\b(?:ouvert|ouverts|ouverte|ouvertes|ferme|fermes|fermee|fermees|ouvrez|ouvre|ouvrir|fermez|fermer|fermeture|ouverture|rouvrez|rouvre|horaires)\b`),
		now:     regexp.MustCompile(`\b(?:maintenant|actuellement|moment|encore|deja)\b|^(?:est ce que )?(?:vous )?(?:etes|est) (?:\w+ ){0,3}(?:ouverte?s?|fermee?s?)$`),
		closing: regexp.MustCompile(`\bjusqu\b|\b(?:quand|quelle heure)\b.*\b(?:fermez|ferme|fermer|fermeture)\b`),
		week:    regexp.MustCompile(`\bhoraires\b|\bheures d ouverture\b|\bquand etes vous ouverte?s?\b|\bquels jours\b`),
		next:    regexp.MustCompile(`\b(?:quand|quelle heure)\b.*\b(?:ouvrez|ouvre|ouverts?|ouverture|rouvrez|rouvre)\b|\b(?:prochaine?|nouveau)\b`),
		today:   regexp.MustCompile(`\baujourd hui\b|\bce (?:matin|soir)\b`), morrow: regexp.MustCompile(`\bdemain\b`), later: regexp.MustCompile(`\bprochain\b`),
		days: [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
	},
	"es": {
		topic: "horario de apertura",
		known: words.NewSet(`estan esta estais son es ustedes vosotros su sus el la los las un una tienda oficina local servicio taller negocio abierto abiertos abierta abiertas abren abre abrir abris cerrado cerrados
			cerrada cierran cierra cerrar apertura cierre ahora mismo actualmente en este momento todavia aun ya hoy manana tarde noche cuando a que cual cuales hora horas hasta desde horario horarios atencion
			proxima proximo vez dia dias fecha estamos tenemos semana de del por para me decir puede podria saber quisiera favor otra y o volver vuelven lunes martes miercoles jueves viernes sabado domingo
			sabados domingos hola buenos al siguiente`),
		date:    regexp.MustCompile(`\bque dia (?:es|estamos|tenemos)\b|\b(?:que|cual es la|decir la) fecha\b|\ba que (?:dia )?estamos\b`),
		clock:   regexp.MustCompile(`\bque horas? (?:es|son|tenemos)\b|\bdecir la hora\b`),
		open:    regexp.MustCompile(`\b(?:abiertos?|abiertas?|abren|abre|abrir|abris|cerrados?|cerrada|cierran|cierra|cerrar|apertura|cierre|horarios?)\b`),
		now:     regexp.MustCompile(`\b(?:ahora|actualmente|momento|todavia|aun|ya)\b|^(?:estan|esta|estais) (?:\w+ ){0,3}(?:abiert[oa]s?|cerrad[oa]s?)$`),
		closing: regexp.MustCompile(`\bhasta\b|\b(?:cuando|que hora)\b.*\b(?:cierran|cierra|cerrar|cierre)\b`),
		week:    regexp.MustCompile(`\bhorarios?\b|\bcuando estan abiertos\b|\bque dias\b`),
		next:    regexp.MustCompile(`\b(?:cuando|que hora)\b.*\b(?:abren|abre|abrir|abris|abiertos?|apertura)\b|\b(?:proxima vez|otra vez|vuelven)\b`),
		today:   regexp.MustCompile(`\bhoy\b|\besta (?:tarde|noche|manana)\b`), morrow: regexp.MustCompile(`\bmanana\b`),
		morning: regexp.MustCompile(`\b(?:por la|de la|en la|esta) manana\b`), later: regexp.MustCompile(`\b(?:proximo|siguiente)\b`),
		days: [7]string{"domingo", "lunes", "martes", "miercoles", "jueves", "viernes", "sabado"},
	},
}

// answerHours answers a question about the date, the time or the opening hours. It returns nil
// for other questions, and for those that the prompt gives no answer to.
func (r *responder) answerHours(st *state, u utterance) []part {
	w := hourWordsOf[words.Language(r.language)]
	if r.language == "" {
		w = hourWordsOf["en"]
	}
	asked := folded(u.plain)
	said := strings.Fields(asked)
	if w == nil || r.now.IsZero() || len(said) == 0 || !w.known.HasAll(said) {
		st.asksHours = false
		return nil
	}
	text := r.sayHours(r.hours, w, asked, said, st.asksHours)
	if text == "" && !r.hours.IsSet() && (w.open.MatchString(asked) || st.asksHours) {
		isFollowUp := st.asksHours
		st.asksHours = true
		return r.searchHours(st, u, func(h *hours.Hours, named hours.Weekdays) string {
			if !named.Has(w.weekdaysIn(asked, said, r.now)) {
				return ""
			}
			return r.sayHours(h, w, asked, said, isFollowUp)
		}, w.topic)
	}
	st.asksHours = text != ""
	if text == "" {
		return nil
	}
	st.failures = 0
	return r.tell(text, noQuestion)
}

// searchHours answers a question from a page that states opening hours plainly, with what say
// returns for them, or else as any other question. topic is what the page is about.
func (r *responder) searchHours(st *state, u utterance, say func(*hours.Hours, hours.Weekdays) string, topic string) []part {
	parts := r.searchFor(st, u, topic)
	if len(parts) != 1 || parts[0].call == nil {
		return parts
	}
	other := parts[0].respond
	parts[0].respond = func(st *state, result tools.Result) statement {
		var found struct{ Passages []passage }
		if !result.Failed {
			decodeOutput(result, &found)
		}
		for _, p := range found.Passages {
			h, named, ok := hours.Read(p.Page+" "+p.Heading, p.Text, r.now.Location())
			if !ok {
				continue
			}
			if text := say(h, named); text != "" {
				st.failures = 0
				return statement{text: text, pages: []string{p.Page}}
			}
		}
		return other(st, result)
	}
	return parts
}

// sayHours returns the answer to a question, or "". isFollowUp says that the question before
// was about hours, too.
func (r *responder) sayHours(h *hours.Hours, w *hourWords, asked string, said []string, isFollowUp bool) string {
	switch {
	case w.clock.MatchString(asked):
		return h.SayTime(r.language, r.now)
	case w.date.MatchString(asked) && !w.open.MatchString(asked):
		return h.SayDate(r.language, r.now)
	}
	if !h.IsSet() || !w.open.MatchString(asked) && !isFollowUp {
		return ""
	}
	if days := w.daysIn(asked, said, h.In(r.now)); len(days) > 0 {
		var out []string
		for _, day := range days {
			out = append(out, h.SayDay(r.language, day, r.now))
		}
		return strings.Join(out, " ")
	}
	if !w.open.MatchString(asked) {
		return ""
	}
	switch {
	case w.week.MatchString(asked) && !w.now.MatchString(asked):
		return h.SayWeek(r.language)
	case w.next.MatchString(asked) && !h.IsOpen(r.now):
		return h.SayNext(r.language, r.now)
	case w.now.MatchString(asked) || w.closing.MatchString(asked):
		return h.SayNow(r.language, r.now)
	case w.next.MatchString(asked):
		return h.SayDay(r.language, r.now, r.now)
	}
	return ""
}

// weekdaysIn returns the weekdays whose hours the answer to a question needs: those that it
// names, or else all of them, or today if it is about the present.
func (w *hourWords) weekdaysIn(asked string, said []string, now time.Time) (days hours.Weekdays) {
	for _, day := range w.daysIn(asked, said, now) {
		days[day.Weekday()] = true
	}
	switch {
	case days != hours.Weekdays{}:
	case w.next.MatchString(asked) && !w.now.MatchString(asked):
		return hours.Weekdays{1: true, 2: true, 3: true, 4: true, 5: true}
	case w.now.MatchString(asked) || w.closing.MatchString(asked):
		days[now.Weekday()] = true
	}
	return days
}

const maxDays = 3 // in one answer

// daysIn returns the days that a question names.
func (w *hourWords) daysIn(asked string, said []string, now time.Time) (days []time.Time) {
	noon := func(n int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+n, 12, 0, 0, 0, now.Location())
	}
	if w.today.MatchString(asked) {
		days = append(days, noon(0))
	}
	if w.morning != nil {
		asked = w.morning.ReplaceAllString(asked, " ")
	}
	if w.morrow.MatchString(asked) {
		days = append(days, noon(1))
	}
	for _, word := range said {
		d := slices.Index(w.days[:], word)
		if d < 0 && len(word) > 4 { // "mondays"
			d = slices.Index(w.days[:], strings.TrimSuffix(word, "s"))
		}
		if d < 0 {
			continue
		}
		n := (d - int(now.Weekday()) + 7) % 7
		if n == 0 && w.later.MatchString(asked) {
			n = 7
		}
		if day := noon(n); !slices.ContainsFunc(days, day.Equal) {
			days = append(days, day)
		}
	}
	return days[:min(len(days), maxDays)]
}
