package words

import (
	"regexp"
	"strconv"
	"strings"
)

// rule rewrites a text.
type rule func(text string) string

// replace returns a rule that replaces every match by template; ${1} is its first group.
func replace(pattern, template string) rule {
	re := regexp.MustCompile(pattern)
	return func(text string) string { return re.ReplaceAllString(text, template) }
}

// replaceFunc returns a rule that replaces every match by the result of write, which gets
// the match and its groups.
func replaceFunc(pattern string, write func(m []string) string) rule {
	re := regexp.MustCompile(pattern)
	return func(text string) string {
		return re.ReplaceAllStringFunc(text, func(match string) string {
			return write(re.FindStringSubmatch(match))
		})
	}
}

// markupRules remove what is written but never read, in any language.
var markupRules = []rule{
	replace(`!?\[([^\]\n]*)\]\([^)\s]*\)`, "${1}"),                     // a link or picture of Markdown
	replace(`(?m)^\s*(?:#{1,6}|>|[-*+•]|\d{1,2}[.)])\s+`, ""),          // a heading, quotation or item of a list
	replace("\\*+|__+|~~+|`+", ""),                                     // emphasis and code
	replace(`</?[A-Za-z][^<>\n]*>`, " "),                               // HTML
	replace(`(?i)\bhttps?://(?:www\.)?([^\s?#]+)(?:[?#]\S*)?`, "${1}"), // an address keeps its name and path
	replace(`\s*—\s*|\s+(?:–|--)\s+`, ", "),                            // dashes are pauses
}

// halfOfDay matches am, a.m. and so on. The last full stop of "a.m." also ends the
// sentence if a capital letter follows.
const halfOfDay = `\s*([AaPp])(?:[Mm]\b|\.[Mm]\b\.?(\s+[A-Z])?)`

// englishRules replace signs and figures by English words. The order matters: a rule sees
// what the rules before it wrote.
var englishRules = []rule{
	replaceFunc(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`, func(m []string) string { return sayAddress(m[0]) }),
	replaceFunc(`(?i)\b(?:www\.)?((?:[a-z][a-z0-9-]*\.)+(?:com|net|org|io|example|co|uk|de|eu|us|shop|dev|info)\b(?:/[\w./-]*\w)?)/?`,
		func(m []string) string { return sayAddress(m[1]) }),
	replaceFunc(`\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b`, sayDate),
	replaceFunc(`\b([A-Z]{1,3})-?(\d{3,})\b`, func(m []string) string { return sayLetters(m[1]) + " " + sayGrouped(m[2]) }),
	replaceFunc(`([$€£])\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d\d))?\b`, sayMoney),
	replaceFunc(`\b(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d\d))? ?(€|EUR|USD|GBP)`, func(m []string) string {
		return sayMoney([]string{m[0], m[3], m[1], m[2]})
	}),
	replaceFunc(`\b([01]?\d|2[0-3]):([0-5]\d)(?:`+halfOfDay+`)?`, sayClock),
	replaceFunc(`\b(\d{1,2})(?:`+halfOfDay+`)`, func(m []string) string { return m[1] + sayHalfOfDay(m[2:]) }),
	replaceFunc(`(\+?)\b(\d[\d ()-]{5,}\d)\b`, sayPhone),
	replace(`(\d|[AP] M|%|o'clock)\s*(?:–|-)\s*(\d)`, "${1} to ${2}"),
	replaceFunc(`\b(Mon|Tue|Tues|Wed|Thu|Thurs|Fri|Sat|Sun)\b`, func(m []string) string { return days[m[1][:3]] }),
	replace(`(day)\.?\s*[–-]\s*([MTWFS]\w+day)`, "${1} to ${2}"),
	replace(`(\d),(\d{3})\b`, "${1}${2}"),
	replace(`(\d),(\d{3})\b`, "${1}${2}"), // the second comma of a million
	replaceFunc(`(\d)\s?(%|°C|°F|°|m²)`, sayUnit),
	replaceFunc(`(\d)\s?(GHz|MHz|GB|MB|TB|km|kg|cm|mm|ml|kWh|mg|m|l|g|W)\b`, sayUnit),
	replaceFunc(`\b(\d+)\.(\d+)\b`, func(m []string) string { return m[1] + " point " + sayGrouped(m[2]) }),
	replaceFunc(`\b\d{5,}\b`, func(m []string) string { return sayGrouped(m[0]) }),
	replaceFunc(`\b(?:e\.g|i\.e|etc|vs|approx|incl|max|min|FAQ|VAT|ID|URL|SMS|PDF|QR|TV|USB|PIN|DIY|RMA|SKU|EU|US|UK)\b\.?`, func(m []string) string {
		name := strings.TrimSuffix(m[0], ".")
		if long, ok := abbreviations[name]; ok {
			return long
		}
		if name == strings.ToUpper(name) { // a full stop after it may end the sentence
			return sayLetters(name) + m[0][len(name):]
		}
		return m[0]
	}),
	replace(`\b24/7\b`, "24 hours a day"),
	replace(`(?i)\b(?:no\.|#)\s?(\d)`, "number ${1}"),
	replace(`#(\d)`, "number ${1}"),
	replace(`\s*&\s*`, " and "),
	replace(`(\pL)/(\pL)`, "${1} or ${2}"),
	replace(`(\d)\s*[x×]\s*(\d)`, "${1} by ${2}"),
	replace(`(\d)\s*\+`, "${1} plus"),
	replace(`\s*[=→]+>?\s*`, ", "),
}

var days = map[string]string{
	"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}

var months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

var unitNames = map[string]string{
	"%": "percent", "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "GHz": "gigahertz", "MHz": "megahertz",
	"GB": "gigabytes", "MB": "megabytes", "TB": "terabytes", "km": "kilometers", "kg": "kilograms", "cm": "centimeters",
	"mm": "millimeters", "ml": "milliliters", "kWh": "kilowatt hours", "mg": "milligrams", "m²": "square meters", "m": "meters",
	"l": "liters", "g": "grams", "W": "watts",
}

func sayUnit(m []string) string { return m[1] + " " + unitNames[m[2]] }

var abbreviations = map[string]string{
	"e.g": "for example", "i.e": "that is", "etc": "and so on", "vs": "versus", "approx": "about", "incl": "including",
	"max": "at most", "min": "minutes", "PIN": "pin",
}

var currencies = map[string][2]string{
	"$": {"dollar", "cent"}, "USD": {"dollar", "cent"}, "€": {"euro", "cent"}, "EUR": {"euro", "cent"}, "£": {"pound", "penny"}, "GBP": {"pound", "penny"},
}

// sayMoney gets the match, the currency, the whole amount and the hundredths.
func sayMoney(m []string) string {
	whole, cents := strings.ReplaceAll(m[2], ",", ""), strings.TrimPrefix(m[3], "0")
	names := currencies[m[1]]
	out := whole + " " + plural(whole, names[0])
	if m[3] == "" || m[3] == "00" {
		return out
	}
	if names[1] == "penny" && cents != "1" {
		return out + " and " + cents + " pence"
	}
	return out + " and " + cents + " " + plural(cents, names[1])
}

func plural(n, name string) string {
	if n == "1" {
		return name
	}
	return name + "s"
}

// sayClock gets the match, hours, minutes and perhaps the half of the day.
func sayClock(m []string) string {
	hour, _ := strconv.Atoi(m[1])
	half := sayHalfOfDay(m[3:])
	switch {
	case half != "":
	case hour > 12:
		hour, half = hour-12, " P M"
	case hour == 0:
		hour, half = 12, " A M"
	}
	switch {
	case m[2] != "00" && m[2][0] == '0':
		return strconv.Itoa(hour) + " oh " + m[2][1:] + half
	case m[2] != "00":
		return strconv.Itoa(hour) + " " + m[2] + half
	case half == "":
		return strconv.Itoa(hour) + " o'clock"
	}
	return strconv.Itoa(hour) + half
}

// sayHalfOfDay gets the letter of the half and the capital letter that begins the next
// sentence.
func sayHalfOfDay(m []string) string {
	switch {
	case m[0] == "":
		return ""
	case m[1] != "":
		return " " + strings.ToUpper(m[0]) + " M." + m[1]
	}
	return " " + strings.ToUpper(m[0]) + " M"
}

func sayDate(m []string) string {
	month, _ := strconv.Atoi(m[2])
	return months[month-1] + " " + strings.TrimPrefix(m[3], "0") + " " + m[1]
}

// sayAddress reads an e-mail or web address, without its path if it is long.
func sayAddress(s string) string {
	if host, path, ok := strings.Cut(s, "/"); ok && len(path) > 40 {
		s = host
	}
	return strings.Join(strings.Fields(addressSigns.Replace(s)), " ")
}

var addressSigns = strings.NewReplacer("@", " at ", ".", " dot ", "/", " slash ", "-", " dash ", "_", " underscore ", "+", " plus ")

// sayPhone reads groups of digits one digit at a time, with a pause after each group. Two
// groups may be a range, unless they look like a local number, 555-0199.
func sayPhone(m []string) string {
	groups := strings.FieldsFunc(m[2], func(r rune) bool { return r < '0' || r > '9' })
	local := len(groups) == 2 && len(groups[0]) == 3 && len(groups[1]) == 4
	if m[1] == "" && len(groups) < 3 && !local {
		return m[0]
	}
	for i, g := range groups {
		groups[i] = sayGrouped(g)
	}
	out := strings.Join(groups, ", ")
	if m[1] != "" {
		return "plus " + out
	}
	return out
}

// sayGrouped reads a number one digit at a time, in groups of three or four as people do.
func sayGrouped(s string) string {
	var b strings.Builder
	for i, d := range s {
		if i > 0 {
			if left := len(s) - i; len(s) > 5 && (left == 4 || left > 4 && left%3 == 1) {
				b.WriteByte(',')
			}
			b.WriteByte(' ')
		}
		b.WriteString(digitNames[d-'0'])
	}
	return b.String()
}

var digitNames = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// sayLetters reads an abbreviation one letter at a time.
func sayLetters(s string) string { return strings.Join(strings.Split(s, ""), " ") }
