package spoken

import (
	"strconv"
	"strings"
)

var germanMonths = []string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}

const germanMonthPattern = `(Januar|Jänner|Februar|Feber|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|(?:Jan|Feb|Mär|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez)\.)`

var german = table{
	decimal: ",", group: ".", point: "Komma", to: "bis", number: "Nummer", plus: "plus", minus: "minus",
	digits: [10]string{"null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"},
	units: map[string][2]string{
		"%": {"Prozent", "Prozent"}, "°C": {"Grad Celsius", "Grad Celsius"}, "°": {"Grad", "Grad"}, "km/h": {"Kilometer pro Stunde", "Kilometer pro Stunde"},
		"km": {"Kilometer", "Kilometer"}, "m²": {"Quadratmeter", "Quadratmeter"}, "m": {"Meter", "Meter"}, "cm": {"Zentimeter", "Zentimeter"},
		"mm": {"Millimeter", "Millimeter"}, "kg": {"Kilogramm", "Kilogramm"}, "g": {"Gramm", "Gramm"}, "mg": {"Milligramm", "Milligramm"},
		"l": {"Liter", "Liter"}, "ml": {"Milliliter", "Milliliter"}, "GB": {"Gigabyte", "Gigabyte"}, "MB": {"Megabyte", "Megabyte"},
		"TB": {"Terabyte", "Terabyte"}, "GHz": {"Gigahertz", "Gigahertz"}, "MHz": {"Megahertz", "Megahertz"}, "Hz": {"Hertz", "Hertz"},
		"kWh": {"Kilowattstunde", "Kilowattstunden"}, "kW": {"Kilowatt", "Kilowatt"}, "W": {"Watt", "Watt"}, "V": {"Volt", "Volt"},
		"h": {"Stunde", "Stunden"}, "Std.": {"Stunde", "Stunden"}, "Min.": {"Minute", "Minuten"}, "min": {"Minute", "Minuten"}, "Sek.": {"Sekunde", "Sekunden"},
		"Mio.": {"Million", "Millionen"}, "Mrd.": {"Milliarde", "Milliarden"}, "Stk.": {"Stück", "Stück"},
	},
	currencies: map[string]currency{
		"€": {"Euro", "Euro", "Cent", "Cent"}, "EUR": {"Euro", "Euro", "Cent", "Cent"}, "$": {"Dollar", "Dollar", "Cent", "Cent"},
		"£": {"Pfund", "Pfund", "Penny", "Pence"}, "CHF": {"Franken", "Franken", "Rappen", "Rappen"},
	},
	cents: func(n string) string { n, _, _ = strings.Cut(n, " "); return " " + n }, // 45 Euro 50
	signs: strings.NewReplacer("@", " ät ", ".", " Punkt ", "/", " Schrägstrich ", "-", " Bindestrich ", "_", " Unterstrich ", "+", " plus "),
	abbreviations: map[string]string{
		"z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem", "o. ä.": "oder ähnliches", "usw.": "und so weiter", "bzw.": "beziehungsweise",
		"ca.": "circa", "inkl.": "inklusive", "zzgl.": "zuzüglich", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "max.": "maximal", "min.": "mindestens",
		"Nr.": "Nummer", "Tel.": "Telefon", "Hr.": "Herr", "Fr.": "Frau", "Dr.": "Doktor", "Prof.": "Professor", "Str.": "Straße", "St.": "Sankt",
		"Abs.": "Absatz", "Mo.": "Montag", "Di.": "Dienstag", "Mi.": "Mittwoch", "Do.": "Donnerstag", "Sa.": "Samstag", "MwSt.": "Mehrwertsteuer",
	},
	references: `Bestellung|Bestellnummer|Auftrag|Auftragsnummer|Ticket|Ticketnummer|Rechnung|Rechnungsnummer|Kundennummer|Vorgang|Code|PIN|Durchwahl|Zimmer`,
	date:       func(day, month, year int) string { return sayGermanDate(day, month, year, "n") },
	clock:      sayGermanClock,
	first: []rule{
		replaceFunc(`\b([01]?\d|2[0-3])[:.]([0-5]\d)\s?Uhr\b`, func(m []string) string { return sayGermanClock(atoi(m[1]), atoi(m[2])) }),
		replaceFunc(`\b((?i:der) )?(\d{1,2})\. ?`+germanMonthPattern+`(?: (\d{4})\b)?`, func(m []string) string {
			if day := atoi(m[2]); day >= 1 && day <= 31 {
				return m[1] + sayGermanDate(day, germanMonth(m[3]), atoi(m[4]), germanEnding(m[1]))
			}
			return m[0]
		}),
		replaceFunc(`\b((?i:der) )?(\d{1,2})\.(\d{1,2})\.(\d{4}|\d\d)?(\D|$)`, func(m []string) string {
			day, month, year := atoi(m[2]), atoi(m[3]), atoi(m[4])
			if day < 1 || day > 31 || month < 1 || month > 12 {
				return m[0]
			}
			if len(m[4]) == 2 {
				year += 2000
			}
			return m[1] + sayGermanDate(day, month, year, germanEnding(m[1])) + m[5]
		}),
		replaceFunc(`\b((?i:am|vom|zum|im|dem|den|seit|bis) )(\d{1,2})\.( \pL)`, func(m []string) string { return m[1] + germanOrdinal(atoi(m[2])) + "n" + m[3] }),
		replaceFunc(`\b((?i:der|die|das) )(\d{1,2})\.( \pL)`, func(m []string) string { return m[1] + germanOrdinal(atoi(m[2])) + m[3] }),
		replaceFunc(`\b((?i:im Jahr|im Jahre|seit|bis|ab|von|Jahr)) (1[1-9]\d\d)\b`, func(m []string) string { return m[1] + " " + germanYear(atoi(m[2])) }),
	},
	second: []rule{
		replace(`\s*&\s*`, " und "),
		replace(`(\pL)/(\pL)`, "${1} oder ${2}"),
		replace(`(\d)\s*[x×]\s*(\d)`, "${1} mal ${2}"),
		replace(`([a-zäöü])str\.`, "${1}straße"),
		replace(`§\s?`, "Paragraph "),
	},
}

// germanEnding returns the ending of an ordinal behind an article: "der dritte", else
// "am dritten".
func germanEnding(article string) string {
	if article != "" {
		return ""
	}
	return "n"
}

func germanMonth(name string) int {
	switch name {
	case "Jänner":
		return 1
	case "Feber":
		return 2
	}
	for i, m := range germanMonths {
		if strings.HasPrefix(m, strings.TrimRight(name, "t.")) || m == name {
			return i + 1
		}
	}
	return 1 // not reached: the pattern matches months only
}

func sayGermanDate(day, month, year int, ending string) string {
	out := germanOrdinal(day) + ending + " " + germanMonths[month-1]
	if year != 0 {
		out += " " + germanYear(year)
	}
	return out
}

func sayGermanClock(hour, minute int) string {
	out := strconv.Itoa(hour) + " Uhr"
	if hour == 1 {
		out = "ein Uhr"
	}
	if minute == 0 {
		return out
	}
	return out + " " + strconv.Itoa(minute)
}

var germanSmall = []string{
	"null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
	"dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
}

var germanTens = []string{"", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"}

// germanBelow100 reads a number as the beginning of another word: 1 is "ein".
func germanBelow100(n int) string {
	switch {
	case n < 20:
		return germanSmall[n]
	case n%10 == 0:
		return germanTens[n/10]
	}
	return germanSmall[n%10] + "und" + germanTens[n/10]
}

// germanOrdinal reads a number from 0 to 99 as an ordinal: "dritte".
func germanOrdinal(n int) string {
	switch irregular := map[int]string{1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}[n]; {
	case irregular != "":
		return irregular
	case n < 20:
		return germanBelow100(n) + "te"
	}
	return germanBelow100(n) + "ste"
}

// germanYear reads the years from 1100 to 1999 in hundreds, and leaves the others to the voice.
func germanYear(n int) string {
	if n < 1100 || n > 1999 {
		return strconv.Itoa(n)
	}
	out := germanSmall[n/100] + "hundert"
	switch rest := n % 100; {
	case rest == 1:
		out += "eins"
	case rest > 0:
		out += germanBelow100(rest)
	}
	return out
}
