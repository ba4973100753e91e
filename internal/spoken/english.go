package spoken

import (
	"strconv"
	"strings"
)

var english = table{
	decimal: ".", group: ",", point: "point", to: "to", number: "number", plus: "plus", minus: "minus",
	digits: englishNames,
	units: map[string][2]string{
		"%": {"percent", "percent"}, "°C": {"degree Celsius", "degrees Celsius"}, "°F": {"degree Fahrenheit", "degrees Fahrenheit"},
		"°": {"degree", "degrees"}, "GHz": {"gigahertz", "gigahertz"}, "MHz": {"megahertz", "megahertz"}, "kHz": {"kilohertz", "kilohertz"},
		"Hz": {"hertz", "hertz"}, "GB": {"gigabyte", "gigabytes"}, "MB": {"megabyte", "megabytes"}, "TB": {"terabyte", "terabytes"},
		"KB": {"kilobyte", "kilobytes"}, "kB": {"kilobyte", "kilobytes"}, "Gbps": {"gigabit per second", "gigabits per second"},
		"Mbps": {"megabit per second", "megabits per second"}, "MB/s": {"megabyte per second", "megabytes per second"},
		"km/h": {"kilometer per hour", "kilometers per hour"}, "mph": {"mile per hour", "miles per hour"},
		"km": {"kilometer", "kilometers"}, "m²": {"square meter", "square meters"}, "m": {"meter", "meters"}, "cm": {"centimeter", "centimeters"},
		"mm": {"millimeter", "millimeters"}, "mi": {"mile", "miles"}, "ft": {"foot", "feet"}, "sq ft": {"square foot", "square feet"},
		"yd": {"yard", "yards"}, "kg": {"kilogram", "kilograms"}, "g": {"gram", "grams"}, "mg": {"milligram", "milligrams"},
		"lb": {"pound", "pounds"}, "lbs": {"pound", "pounds"}, "oz": {"ounce", "ounces"}, "l": {"liter", "liters"}, "L": {"liter", "liters"},
		"ml": {"milliliter", "milliliters"}, "kWh": {"kilowatt hour", "kilowatt hours"}, "kW": {"kilowatt", "kilowatts"},
		"W": {"watt", "watts"}, "V": {"volt", "volts"}, "mAh": {"milliampere hour", "milliampere hours"},
		"h": {"hour", "hours"}, "hr": {"hour", "hours"}, "hrs": {"hour", "hours"}, "min": {"minute", "minutes"}, "mins": {"minute", "minutes"},
		"sec": {"second", "seconds"}, "secs": {"second", "seconds"}, "ms": {"millisecond", "milliseconds"},
	},
	currencies: map[string]currency{
		"$": {"dollar", "dollars", "cent", "cents"}, "US$": {"dollar", "dollars", "cent", "cents"}, "USD": {"dollar", "dollars", "cent", "cents"},
		"€": {"euro", "euros", "cent", "cents"}, "EUR": {"euro", "euros", "cent", "cents"},
		"£": {"pound", "pounds", "penny", "pence"}, "GBP": {"pound", "pounds", "penny", "pence"},
		"¥": {"yen", "yen", "", ""}, "CHF": {"Swiss franc", "Swiss francs", "centime", "centimes"},
	},
	cents: func(n string) string { return " and " + n },
	signs: strings.NewReplacer("@", " at ", ".", " dot ", "/", " slash ", "-", " dash ", "_", " underscore ", "+", " plus "),
	abbreviations: map[string]string{
		"Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "e.g.": "for example", "i.e.": "that is", "etc.": "and so on",
		"vs.": "versus", "approx.": "about", "incl.": "including", "excl.": "excluding", "misc.": "miscellaneous", "dept.": "department",
		"Dept.": "Department", "tel.": "telephone", "Tel.": "Telephone", "ext.": "extension", "Ext.": "Extension", "Inc.": "Incorporated",
		"Ltd.": "Limited", "Corp.": "Corporation", "Jr.": "Junior", "Sr.": "Senior", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road",
		"Apt.": "Apartment", "Ste.": "Suite", "max.": "at most", "min.": "at least", "w/o ": "without ", "w/ ": "with ", "c/o ": "care of ",
	},
	references:   `order|ticket|reference|invoice|account|case|code|PIN|extension|tracking|customer|confirmation|booking|flight|room|serial`,
	date:         sayEnglishDate,
	clock:        func(hour, minute int) string { return sayClock(hour, minute, "") },
	isMonthFirst: true,
	first:        englishFirst,
	second:       englishSecond,
}

// halfOfDay matches am, a.m. and so on. The last full stop of "a.m." also ends the
// sentence if a capital letter follows.
const halfOfDay = `\s*([AaPp])(?:[Mm]\b|\.[Mm]\b\.?(\s+[A-Z])?)`

// englishMonths matches the names and abbreviations of months.
const englishMonths = `(January|February|March|April|May|June|July|August|September|October|November|December|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)`

var englishFirst = []rule{
	replaceFunc(`\b([01]?\d|2[0-3]):([0-5]\d)`+halfOfDay, func(m []string) string {
		return sayClock(atoi(m[1]), atoi(m[2]), sayHalfOfDay(m[3], m[4]))
	}),
	replaceFunc(`\b(\d{1,2})`+halfOfDay, func(m []string) string { return m[1] + sayHalfOfDay(m[2], m[3]) }),
	replaceFunc(`([$€£])\s?(\d+(?:[.,]\d+)?)\s?(million|billion|trillion|thousand|bn|[mMkK])\b`, func(m []string) string {
		sizes := map[string]string{"bn": "billion", "m": "million", "M": "million", "k": "thousand", "K": "thousand"}
		size := m[3]
		if long, ok := sizes[size]; ok {
			size = long
		}
		return m[2] + " " + size + " " + map[string]string{"$": "dollars", "€": "euros", "£": "pounds"}[m[1]]
	}),
	replaceFunc(`\b`+englishMonths+` (\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?`, func(m []string) string {
		if day := atoi(m[2]); day >= 1 && day <= 31 {
			return sayEnglishDate(day, monthOf(m[1]), atoi(m[3]))
		}
		return m[0]
	}),
	replaceFunc(`\b(\d{1,2})(?:st|nd|rd|th)?(?: of)? `+englishMonths+`(?:,? (\d{4})\b)?`, func(m []string) string {
		if day := atoi(m[1]); day >= 1 && day <= 31 {
			return "the " + englishOrdinal(day) + " of " + englishMonthNames[monthOf(m[2])-1] + yearAfter(atoi(m[3]))
		}
		return m[0]
	}),
	replaceFunc(`\b`+englishMonths+` (\d{4})\b`, func(m []string) string {
		return englishMonthNames[monthOf(m[1])-1] + " " + englishYear(atoi(m[2]))
	}),
	replaceFunc(`\b((?i:in|since|until|from|by|of|before|after|year|spring|summer|autumn|fall|winter)) ((?:19|20)\d\d)\b`, func(m []string) string {
		return m[1] + " " + englishYear(atoi(m[2]))
	}),
	replaceFunc(`\b(\d{1,4})(?:st|nd|rd|th)\b`, func(m []string) string { return englishOrdinal(atoi(m[1])) }),
	replace(`\b24/7\b`, "24 hours a day"),
	replaceFunc(`(\d+)?\s?([½¼¾⅓⅔])`, func(m []string) string {
		name := map[string]string{"½": "a half", "¼": "a quarter", "¾": "three quarters", "⅓": "a third", "⅔": "two thirds"}[m[2]]
		if m[1] != "" {
			return m[1] + " and " + name
		}
		return name
	}),
	replace(`\b(\d+)[kK]\b`, "${1} thousand"),
}

// days are the days of the week by their first three letters.
var days = map[string]string{
	"Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}

var englishSecond = []rule{
	replaceFunc(`\b(Mon|Tue|Tues|Wed|Thu|Thurs|Fri|Sat|Sun)\b(\.?)(\s*[–-]|\s*,|\s+\d|\s*$)`, func(m []string) string {
		if strings.TrimSpace(m[3]) != "" {
			m[2] = "" // the full stop does not end a sentence
		}
		return days[m[1][:3]] + m[2] + m[3]
	}),
	replaceFunc(`([–-]\s*)(Mon|Tue|Tues|Wed|Thu|Thurs|Fri|Sat|Sun)\b`, func(m []string) string { return m[1] + days[m[2][:3]] }),
	replaceFunc(`(^|[\s(])(\d+ )?([1-9])/([2-9])([\s),.;:!?]|$)`, func(m []string) string { return m[1] + sayFraction(m[2:5]) + m[5] }),
	replace(`(day)\.?\s*[–-]\s*([MTWFS]\w+day)`, "${1} to ${2}"),
	replace(`(^|[\s(])Dr\. ?([A-Z])`, "${1}Doctor ${2}"),
	replace(`(\pL )Dr\.?([,\s]|$)`, "${1}Drive${2}"),
	replace(`(^|[\s(])St\. ?([A-Z]\pL)`, "${1}Saint ${2}"),
	replace(`(\pL )St\.?([,\s]|$)`, "${1}Street${2}"),
	replace(`\b([Ee])\.g\b`, "for example"),
	replace(`\bi\.e\b`, "that is"),
	replace(`\betc\b`, "and so on"),
	replace(`\bvs\b`, "versus"),
	replace(`\bapprox\b`, "about"),
	replaceFunc(`\b(?:FAQ|VAT|ID|URL|SMS|PDF|QR|TV|USB|DIY|RMA|SKU|EU|US|UK|ATM|PC|IP|IT|HR|CEO|DVD|LED|LCD|GPS|ETA|UPS|DHL|USA)s?\b`, func(m []string) string {
		if name, ok := strings.CutSuffix(m[0], "s"); ok {
			return letters(name) + "'s"
		}
		return letters(m[0])
	}),
	replace(`\bPIN\b`, "pin"),
	replace(`\s*&\s*`, " and "),
	replace(`(\pL)/(\pL)`, "${1} or ${2}"),
	replace(`(\d)\s*[x×]\s*(\d)`, "${1} by ${2}"),
	replace(`(\d)\s*\+`, "${1} plus"),
}

var englishMonthNames = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

// monthOf returns the number of an English month by its first three letters.
func monthOf(name string) int {
	for i, m := range englishMonthNames {
		if m[:3] == name[:3] {
			return i + 1
		}
	}
	return 1 // not reached: the patterns match months only
}

func sayEnglishDate(day, month, year int) string {
	return englishMonthNames[month-1] + " " + englishOrdinal(day) + yearAfter(year)
}

// yearAfter returns a year behind a date, "" for 0.
func yearAfter(year int) string {
	if year == 0 {
		return ""
	}
	return ", " + englishYear(year)
}

// sayClock reads a time of day. half is " A M", " P M" or "" with what follows it.
func sayClock(hour, minute int, half string) string {
	switch {
	case half != "":
	case hour > 12:
		hour, half = hour-12, " P M"
	case hour == 0:
		hour, half = 12, " A M"
	}
	h := strconv.Itoa(hour)
	switch {
	case minute >= 10:
		return h + " " + strconv.Itoa(minute) + half
	case minute > 0:
		return h + " oh " + strconv.Itoa(minute) + half
	case half == "":
		return h + " o'clock"
	}
	return h + half
}

// sayHalfOfDay gets the letter of the half, and the capital letter that begins the next
// sentence, if one does.
func sayHalfOfDay(letter, next string) string {
	letter = " " + strings.ToUpper(letter) + " M"
	if next != "" {
		return letter + "." + next
	}
	return letter
}

// sayFraction gets a whole number, the numerator and the denominator.
func sayFraction(m []string) string {
	name := map[string]string{"2": "half", "4": "quarter"}[m[2]]
	if name == "" {
		name = englishOrdinal(atoi(m[2]))
	}
	count := englishNames[atoi(m[1])]
	if m[1] != "1" {
		name = strings.ReplaceAll(name+"s", "halfs", "halves")
	}
	if m[0] != "" {
		return m[0] + "and " + count + " " + name
	}
	return count + " " + name
}

var englishNames = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

var englishTeens = []string{"ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}

var englishTens = []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}

// englishCardinal reads a number from 0 to 9999.
func englishCardinal(n int) string {
	join := func(head string, rest int, sign string) string {
		if rest == 0 {
			return head
		}
		return head + sign + englishCardinal(rest)
	}
	switch {
	case n < 10:
		return englishNames[n]
	case n < 20:
		return englishTeens[n-10]
	case n < 100:
		return join(englishTens[n/10], n%10, "-")
	case n < 1000:
		return join(englishNames[n/100]+" hundred", n%100, " ")
	}
	return join(englishNames[n/1000]+" thousand", n%1000, " ")
}

// englishOrdinal reads a number from 0 to 9999 as an ordinal.
func englishOrdinal(n int) string {
	name := englishCardinal(n)
	head, last := "", name
	if i := strings.LastIndexAny(name, " -"); i >= 0 {
		head, last = name[:i+1], name[i+1:]
	}
	irregular := map[string]string{
		"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
	}
	if o, ok := irregular[last]; ok {
		return head + o
	}
	if stem, ok := strings.CutSuffix(last, "y"); ok {
		return head + stem + "ieth"
	}
	return head + last + "th"
}

// englishYear reads a year: 1984 in two halves, 2007 as a number, 2026 in two halves.
func englishYear(n int) string {
	switch century, rest := n/100, n%100; {
	case n < 1000 || n > 9999 || n >= 2000 && n < 2010 || rest == 0 && century%10 == 0:
		return englishCardinal(n % 10000)
	case rest == 0:
		return englishCardinal(century) + " hundred"
	case rest < 10:
		return englishCardinal(century) + " oh " + englishCardinal(rest)
	default:
		return englishCardinal(century) + " " + englishCardinal(rest)
	}
}
