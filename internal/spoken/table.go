package spoken

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

// table says how a language reads figures and signs aloud.
type table struct {
	decimal, group string     // the signs in 1,234.5: "." and ","
	point          string     // the word for the decimal sign
	digits         [10]string // zero to nine
	plus, minus    string
	to             string                // between the ends of a range
	number         string                // before a number: "number 5"
	units          map[string][2]string  // singular and plural
	currencies     map[string]currency   // by sign and code
	cents          func(n string) string // joins the hundredths: " and 50 cents"
	signs          *strings.Replacer     // of addresses
	abbreviations  map[string]string     // that end in a full stop
	references     string                // pattern of words before a number that is read digit by digit
	date           func(day, month, year int) string
	clock          func(hour, minute int) string
	isMonthFirst   bool   // 3/7/2026 is in March
	first, second  []rule // of the language alone, before and after the common ones
}

// currency has the names of a currency and of its hundredth.
type currency struct{ one, many, cent, cents string }

// tables are the languages that are known, by primary language.
var tables = map[string]*table{"en": &english, "de": &german, "fr": &french, "es": &spanish}

// compiled are the rules of each language, and those of British English and Mexican Spanish.
var compiled = func() map[string][]rule {
	out := make(map[string][]rule)
	for language, t := range tables {
		out[language] = t.rules()
	}
	british, mexican := english, spanish
	british.isMonthFirst = false
	mexican.decimal, mexican.group, mexican.point = ".", ",", "punto"
	out["en-gb"], out["es-mx"] = british.rules(), mexican.rules()
	return out
}()

// dayFirst are the English-speaking countries that write the day before the month.
var dayFirst = words.NewSet("en-gb en-au en-nz en-ie en-in en-za")

func rulesFor(language string) []rule {
	switch tag := strings.ToLower(strings.ReplaceAll(language, "_", "-")); {
	case dayFirst[tag]:
		return compiled["en-gb"]
	case decimalPoint[tag]:
		return compiled["es-mx"]
	}
	if words.IsEnglish(language) {
		return compiled["en"]
	}
	return compiled[words.Language(language)]
}

// domains are the ends of names that are addresses even without https in front.
const domains = `com|net|org|io|example|co|uk|de|eu|us|shop|dev|info|fr|es|at|ch|it|nl|app`

// rules returns the rules of a language in their order: a rule sees what the rules before it
// wrote.
func (t *table) rules() []rule {
	amount := `(` + t.numberPattern() + `)(?:` + regexp.QuoteMeta(t.decimal) + `(\d+))?`
	signs := alternatives(t.currencies)
	rules := []rule{
		replaceFunc(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`, func(m []string) string { return t.address(m[0]) }),
		replaceFunc(`(?i)\b(?:www\.)?((?:[a-z0-9][a-z0-9-]*\.)+(?:`+domains+`)\b(?:/[\w./-]*\w)?)/?`, func(m []string) string { return t.address(m[1]) }),
		replace(`(^|\s)@(\w)`, "${1}"+t.signs.Replace("@")+"${2}"),
	}
	rules = append(rules, t.first...)
	rules = append(rules, t.dateRules()...)
	rules = append(rules,
		replaceFunc(`\b\d{1,3}(?:\.\d{1,3}){2,}\b`, t.version),
		replaceFunc(`(`+signs+`)\s?`+amount+`\b`, func(m []string) string { return t.money(m[1], m[2], m[3]) }),
		replaceFunc(`\b`+amount+`\s?(`+signs+`)(\PL|$)`, func(m []string) string { return t.money(m[3], m[1], m[2]) + m[4] }),
		replaceFunc(`(\+?)(\(\d{2,5}\) ?)?\b(\d[\d ()/.-]{5,}\d)\b`, t.phone),
		replaceFunc(`\b([A-Z]{1,4})-?(\d{3,})\b`, func(m []string) string { return letters(m[1]) + " " + t.grouped(m[2]) }),
		replaceFunc(`(?i)\b((?:`+t.references+`)[^\pL\d]{1,3}(?:\pL{1,6}[^\pL\d]{1,3})?)(\d{3,})\b`, func(m []string) string { return m[1] + t.grouped(m[2]) }),
		replace(`(\d|\d\s?(?:%|[°\pL]{1,3})|[AP] M|o'clock|Uhr|heures|horas)\s*(?:–|-)\s*(\d)`, "${1} "+t.to+" ${2}"),
		replace(`(^|[\s(])[-−](\d)`, "${1}"+t.minus+" ${2}"),
		replaceFunc(`\b(`+t.numberPattern()+`)(?:`+regexp.QuoteMeta(t.decimal)+`(\d+))?\s?(`+alternatives(t.units)+`)(\PL|$)`, t.unit),
		replaceFunc(`\b(`+t.numberPattern()+`)`+regexp.QuoteMeta(t.decimal)+`(\d+)\b`, func(m []string) string { return t.plain(m[1]) + " " + t.point + " " + t.grouped(m[2]) }),
		replaceFunc(`\b(?:`+t.numberPattern()+`)\b`, func(m []string) string { return t.plain(m[0]) }),
		t.abbreviationRule(),
		replace(`(?:\b[Nn]o\.|№|#)\s?(\d)`, t.number+" ${1}"),
		replace(`(\d)\s*\+\s*(\d)`, "${1} "+t.plus+" ${2}"),
		replace(`\s*[=→]+>?\s*`, ", "),
	)
	return append(rules, t.second...)
}

// numberPattern matches a whole number, whose figures may be grouped.
func (t *table) numberPattern() string {
	return `\d{1,3}(?:` + regexp.QuoteMeta(t.group) + `\d{3})+|\d+`
}

// abbreviationRule replaces abbreviations, with or without spaces within.
func (t *table) abbreviationRule() rule {
	full, patterns := make(map[string]string), make(map[string]bool)
	for short, long := range t.abbreviations {
		full[strings.ReplaceAll(short, " ", "")], patterns[short] = long, true
	}
	pattern := strings.ReplaceAll(alternatives(patterns), " ", `\s?`)
	return replaceFunc(`(^|[\s(])(`+pattern+`)`, func(m []string) string {
		return m[1] + full[strings.Join(strings.Fields(m[2]), "")]
	})
}

// version reads the numbers of a version or an IP address one by one. What may be a grouped
// number stays.
func (t *table) version(m []string) string {
	parts := strings.Split(m[0], ".")
	if t.group == "." && !slices.ContainsFunc(parts[1:], func(p string) bool { return len(p) != 3 }) {
		return m[0]
	}
	return strings.Join(parts, strings.TrimRight(t.signs.Replace("."), " ")+" ")
}

// alternatives returns a pattern for the keys of m, the longest first.
func alternatives[V any](m map[string]V) string {
	var keys []string
	for k := range m {
		keys = append(keys, regexp.QuoteMeta(k))
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return strings.Join(keys, "|")
}

// dateRules read dates and times of day.
func (t *table) dateRules() []rule {
	calendar := func(day, month, year string) (string, bool) {
		d, m, y := atoi(day), atoi(month), atoi(year)
		if d < 1 || d > 31 || m < 1 || m > 12 {
			return "", false
		}
		if len(year) == 2 {
			y += 2000
		}
		return t.date(d, m, y), true
	}
	return []rule{
		replaceFunc(`\b(\d{4})-(\d\d)-(\d\d)\b`, func(m []string) string {
			if s, ok := calendar(m[3], m[2], m[1]); ok {
				return s
			}
			return m[0]
		}),
		replaceFunc(`\b(\d{1,2})([./])(\d{1,2})[./](\d{4}|\d\d)\b`, func(m []string) string {
			day, month := m[1], m[3]
			if t.isMonthFirst && m[2] == "/" {
				day, month = month, day
			}
			if s, ok := calendar(day, month, m[4]); ok && (m[2] == "/" || t.decimal == "," || len(m[4]) == 4) {
				return s
			}
			return m[0]
		}),
		replaceFunc(`\b([01]?\d|2[0-3]):([0-5]\d)\b`, func(m []string) string { return t.clock(atoi(m[1]), atoi(m[2])) }),
	}
}

// money reads an amount of whole units and decimals; two decimals are hundredths.
func (t *table) money(sign, whole, decimals string) string {
	c, whole := t.currencies[sign], t.amount(whole)
	if decimals != "" && (len(decimals) != 2 || c.cents == "") {
		return whole + " " + t.point + " " + t.grouped(decimals) + " " + c.many
	}
	name := c.many
	if whole == "1" {
		name = c.one
	}
	out := whole + " " + name
	hundredths := strings.TrimPrefix(decimals, "0")
	if hundredths == "" || hundredths == "0" {
		return out
	}
	name = c.cents
	if hundredths == "1" {
		name = c.cent
	}
	if whole == "0" {
		return hundredths + " " + name
	}
	return out + t.cents(hundredths+" "+name)
}

// amount returns a number that is not read digit by digit, also if it is long: with its
// figures grouped, so that plain does not take it for an order's.
func (t *table) amount(number string) string {
	out := strings.TrimLeft(strings.ReplaceAll(number, t.group, ""), "0")
	switch {
	case out == "":
		return "0"
	case len(out) > 15:
		return t.grouped(out)
	case len(out) < 5:
		return out
	}
	for i := len(out) - 3; i > 0; i -= 3 {
		out = out[:i] + t.group + out[i:]
	}
	return out
}

// unit gets the match, the whole number, its decimals, the unit and what follows it.
func (t *table) unit(m []string) string {
	whole, names := t.amount(m[1]), t.units[m[3]]
	switch {
	case m[2] != "":
		return whole + " " + t.point + " " + t.grouped(m[2]) + " " + names[1] + m[4]
	case whole == "1":
		return whole + " " + names[0] + m[4]
	}
	return whole + " " + names[1] + m[4]
}

// plain returns a number without the signs that group its figures. A long number, which is
// an order's or a customer's, and one that begins with 0 are read digit by digit.
func (t *table) plain(number string) string {
	out := strings.ReplaceAll(number, t.group, "")
	if out == number && len(out) >= 5 || len(out) > 1 && out[0] == '0' || len(out) > 15 {
		return t.grouped(out)
	}
	return out
}

// phone gets the match, a plus sign, the first digits in parentheses and the others. It reads
// groups of digits one digit at a time, with a pause after each group. Other numbers stay.
func (t *table) phone(m []string) string {
	groups := strings.FieldsFunc(m[2]+" "+m[3], func(r rune) bool { return r < '0' || r > '9' })
	digits, hasLong := 0, false
	for _, g := range groups {
		digits += len(g)
		hasLong = hasLong || len(g) >= 3
	}
	isLocal := len(groups) == 2 && len(groups[0]) == 3 && len(groups[1]) == 4 // 555-0199
	hasPrefix := m[1] != "" || m[2] != "" || groups[0][0] == '0'
	if digits < 7 || !hasPrefix && !isLocal && (len(groups) < 3 || !hasLong) || t.isGrouped(m[0]) {
		return m[0]
	}
	for i, g := range groups {
		groups[i] = t.grouped(g)
	}
	out := strings.Join(groups, ", ")
	if m[1] != "" {
		return t.plus + " " + out
	}
	return out
}

// isGrouped reports whether text is one number with grouped figures.
func (t *table) isGrouped(text string) bool {
	parts := strings.Split(text, t.group)
	return len(parts) > 1 && parts[0][0] != '0' && !slices.ContainsFunc(parts[1:], func(p string) bool {
		return len(p) != 3 || strings.Trim(p, "0123456789") != ""
	})
}

// grouped reads a number one digit at a time, in groups of three or four as people do: eight
// digits, which the number of a ticket has, in two groups.
func (t *table) grouped(s string) string {
	var b strings.Builder
	for i, d := range []byte(s) {
		if i > 0 {
			if left := len(s) - i; len(s) > 5 && (left == 4 || left > 4 && left%3 == 1 && len(s) != 8) {
				b.WriteByte(',')
			}
			b.WriteByte(' ')
		}
		b.WriteString(t.digits[d-'0'])
	}
	return b.String()
}

// address reads an e-mail or web address, without its path if it is long.
func (t *table) address(s string) string {
	if host, path, ok := strings.Cut(s, "/"); ok && len(path) > 40 {
		s = host
	}
	var b strings.Builder
	for i, run := range runs(t.signs.Replace(s)) {
		if i > 0 {
			b.WriteByte(' ')
		}
		if len(run) > 2 && run[0] >= '0' && run[0] <= '9' {
			run = t.grouped(run)
		}
		b.WriteString(run)
	}
	return b.String()
}

var figures = regexp.MustCompile(`[0-9]+|[^0-9\s]+`)

// runs splits text at white space, and between figures and others.
func runs(text string) []string { return figures.FindAllString(text, -1) }

// letters reads an abbreviation one letter at a time.
func letters(s string) string { return strings.Join(strings.Split(s, ""), " ") }

// atoi returns the number that s, which holds few digits, writes.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
