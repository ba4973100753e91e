package spoken

import (
	"strconv"
	"strings"
)

var frenchMonths = []string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

var french = table{
	decimal: ",", group: " ", point: "virgule", to: "à", number: "numéro", plus: "plus", minus: "moins",
	digits: [10]string{"zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"},
	units: map[string][2]string{
		"%": {"pour cent", "pour cent"}, "°C": {"degré Celsius", "degrés Celsius"}, "°": {"degré", "degrés"}, "km/h": {"kilomètre heure", "kilomètres heure"},
		"km": {"kilomètre", "kilomètres"}, "m²": {"mètre carré", "mètres carrés"}, "m": {"mètre", "mètres"}, "cm": {"centimètre", "centimètres"},
		"mm": {"millimètre", "millimètres"}, "kg": {"kilogramme", "kilogrammes"}, "g": {"gramme", "grammes"}, "mg": {"milligramme", "milligrammes"},
		"l": {"litre", "litres"}, "ml": {"millilitre", "millilitres"}, "Go": {"gigaoctet", "gigaoctets"}, "Mo": {"mégaoctet", "mégaoctets"},
		"GB": {"gigaoctet", "gigaoctets"}, "MB": {"mégaoctet", "mégaoctets"}, "GHz": {"gigahertz", "gigahertz"}, "MHz": {"mégahertz", "mégahertz"},
		"kWh": {"kilowattheure", "kilowattheures"}, "kW": {"kilowatt", "kilowatts"}, "W": {"watt", "watts"}, "V": {"volt", "volts"},
		"h": {"heure", "heures"}, "min": {"minute", "minutes"}, "sec": {"seconde", "secondes"}, "M€": {"million d'euros", "millions d'euros"},
	},
	currencies: map[string]currency{
		"€": {"euro", "euros", "centime", "centimes"}, "EUR": {"euro", "euros", "centime", "centimes"}, "$": {"dollar", "dollars", "cent", "cents"},
		"£": {"livre", "livres", "penny", "pence"}, "CHF": {"franc", "francs", "centime", "centimes"},
	},
	cents: func(n string) string { n, _, _ = strings.Cut(n, " "); return " " + n }, // 45 euros 50
	signs: strings.NewReplacer("@", " arobase ", ".", " point ", "/", " barre oblique ", "-", " tiret ", "_", " tiret bas ", "+", " plus "),
	abbreviations: map[string]string{
		"M. ": "Monsieur ", "Mme ": "Madame ", "Mme. ": "Madame ", "Mlle ": "Mademoiselle ", "MM. ": "Messieurs ", "Dr ": "Docteur ", "Pr ": "Professeur ",
		"p. ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cetera", "env.": "environ", "max.": "au maximum", "min.": "au minimum",
		"tél.": "téléphone", "Tél.": "Téléphone", "av.": "avenue", "bd ": "boulevard ", "St ": "Saint ", "Ste ": "Sainte ", "n° ": "numéro ", "N° ": "Numéro ",
	},
	references: `commande|ticket|facture|référence|dossier|code|client|poste|chambre`,
	date: func(day, month, year int) string {
		out := frenchDay(day) + " " + frenchMonths[month-1]
		if year != 0 {
			out += " " + strconv.Itoa(year)
		}
		return out
	},
	clock: sayFrenchClock,
	first: []rule{
		replace(`(\d)[\x{a0}\x{202f}](\d{3}\b)`, "${1} ${2}"), // spaces that group figures
		replace(`(\d)[\x{a0}\x{202f}]`, "${1} "),
		replaceFunc(`\b([01]?\d|2[0-3]) ?[hH] ?([0-5]\d)?\b`, func(m []string) string { return sayFrenchClock(atoi(m[1]), atoi(m[2])) }),
		replace(`\b1(?:er|ᵉʳ)\b`, "premier"),
		replace(`\b1(?:re|ère)\b`, "première"),
		replaceFunc(`\b(\d{1,2})(?:e|è|ᵉ|ème|eme)(\PL|$)`, func(m []string) string { return frenchOrdinal(atoi(m[1])) + m[2] }),
		replace(`\b[nN]°\s?(\d)`, "numéro ${1}"),
	},
	second: []rule{
		replace(`\s*&\s*`, " et "),
		replace(`(\pL)/(\pL)`, "${1} ou ${2}"),
		replace(`(\d)\s*[x×]\s*(\d)`, "${1} par ${2}"),
		replace(`\s+([?!;:])`, "${1}"),
	},
}

func frenchDay(day int) string {
	if day == 1 {
		return "premier"
	}
	return strconv.Itoa(day)
}

func sayFrenchClock(hour, minute int) string {
	out := strconv.Itoa(hour) + " heures"
	if hour < 2 {
		out = []string{"zéro heure", "une heure"}[hour]
	}
	if minute == 0 {
		return out
	}
	return out + " " + strconv.Itoa(minute)
}

var frenchSmall = []string{
	"zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize",
	"quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
}

var frenchTens = []string{"", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"}

// frenchBelow100 reads a number from 0 to 99, without the s of quatre-vingts.
func frenchBelow100(n int) string {
	if n < 20 {
		return frenchSmall[n]
	}
	head, rest := frenchTens[n/10], n%10
	if n/10 == 7 || n/10 == 9 {
		rest += 10
	}
	switch {
	case rest == 0:
		return head
	case rest%10 == 1 && n < 80:
		return head + " et " + frenchSmall[rest]
	}
	return head + "-" + frenchSmall[rest]
}

// frenchOrdinal reads a number from 0 to 99 as an ordinal: "deuxième".
func frenchOrdinal(n int) string {
	switch name := frenchBelow100(n); {
	case n == 1:
		return "premier"
	case strings.HasSuffix(name, "cinq"):
		return name + "uième"
	case strings.HasSuffix(name, "neuf"):
		return strings.TrimSuffix(name, "f") + "vième"
	default:
		return strings.TrimSuffix(name, "e") + "ième"
	}
}
