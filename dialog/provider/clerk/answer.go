package clerk

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	maxAnswer   = 45   // words of an answer, unless one sentence is longer
	maxQuestion = 300  // bytes of a search
	known       = 0.45 // share of a question an answer is about that is given as such
	related     = 0.2  // share of one that is given as the closest there is
	alike       = 0.7  // of the best sentence's score, for another one to be said too
)

// passage is what search_knowledge finds.
type passage struct {
	Page    string  `json:"page"`
	Heading string  `json:"heading"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"`
}

var (
	// followUp is how callers go on from the question before.
	followUp = regexp.MustCompile(`^(?:(?:okay|ok|and|so|but|thanks|thank you|great|right) )*(?:what about|how about|and)\b|^(?:and|or) `)
	// pronoun stands for something said before.
	pronoun = regexp.MustCompile(`\b(?:it|them|that|those|one)\b`)
	// trouble is how callers tell that something is wrong.
	trouble = regexp.MustCompile(`\b(?:stopped|not working|does not|do not work|did not|is not|was not|will not|can not|broken|broke|crash\w*|leak\w*|damaged|freez\w*|frozen|never|wrong|missing|lost|error|fail\w*|problem|issue|locked|charged|still|flicker\w*|jam\w*|stuck|dead|slow|faulty|defective|twice|overcharged|keeps|stolen|cracked|noise|noisy|smells?|overheat\w*|disconnect\w*|drops?|blinks?|blinking|trouble)\b`)
	// offersTicket is a page that asks for a ticket.
	offersTicket = regexp.MustCompile(`(?i)\b(?:ticket|tickets)\b`)
)

// search looks in the knowledge base and answers from what it finds.
func (d *desk) search(m *memory, u utterance) []part {
	asked := reword(u.plain)
	context := ""
	if n := len(terms(asked)); n <= 3 && followUp.MatchString(asked) || n <= 1 && pronoun.MatchString(asked) || n == 0 {
		context = carryOver(m.query, asked)
	}
	m.query = strings.TrimSpace(context + " " + asked)
	m.topic = u.text
	if !d.has[searchKnowledge] {
		return d.tell(d.say.unknown, d.offerTicket())
	}
	return []part{{answer: true, call: call(searchKnowledge, map[string]string{"query": words.Clip(m.query, maxQuestion)}), say: func(m *memory, r tools.Result) saying {
		if r.Failed {
			return saying{text: d.say.failed, ask: d.offerTicket()}
		}
		var found struct{ Passages []passage }
		decode(r, &found)
		return d.found(m, u, answer(asked, context, found.Passages))
	}}}
}

var weekday = regexp.MustCompile(`\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tonight|tomorrow)\b`)

// carryOver is what of the question before belongs to the one asked now: not its day,
// when there is a new one.
func carryOver(before, asked string) string {
	if weekday.MatchString(asked) {
		before = weekday.ReplaceAllString(before, " ")
	}
	return strings.Join(strings.Fields(before), " ")
}

// found is what to say with the answer that was found.
func (d *desk) found(m *memory, u utterance, a found) saying {
	if a.text == "" {
		if m.lost++; m.lost > 1 {
			return saying{text: d.say.unknown, ask: d.offerPersonOr(d.offerTicket())}
		}
		return saying{text: d.say.unknown, ask: d.offerTicket()}
	}
	m.lost = 0
	s := saying{text: a.text, pages: []string{a.page}}
	if !a.sure {
		s.text = d.say.closest + " " + s.text
	}
	switch {
	case !d.has[createTicket]:
	case offersTicket.MatchString(a.text):
		s.ask = shallTicket
	case !a.sure || !u.asks && trouble.MatchString(u.plain):
		s.ask = elseTicket
	}
	return s
}

func (d *desk) offerPersonOr(other question) question {
	if d.has[handOver] {
		return shallPerson
	}
	return other
}

// sentence is a candidate of an answer.
type sentence struct {
	text    string
	terms   []string
	words   int
	passage int
	score   float64
}

// answer chooses the sentences of the passages that answer a question best, and
// names their page. context is what was asked before, where the question goes on
// from it. Its text is "" when no passage is about the question.
//
// Sentences are ranked by the question's terms they hold, each weighed by how few
// sentences hold it (inverse document frequency), with a part for terms only the
// heading or title holds, and a bonus for the kind of fact that was asked for.
func answer(asked, context string, passages []passage) found {
	wanted := terms(asked)
	if context != "" {
		wanted = terms(context + " " + asked)
	}
	if len(wanted) == 0 {
		return found{}
	}
	all, weights := weigh(wanted, passages)
	if context != "" { // the new words decide
		for _, t := range terms(asked) {
			weights[t] *= 2
		}
	}
	kind := kindOf(asked)
	if context != "" && len(kind) == 0 {
		kind = kindOf(context)
	}
	best := -1
	for i := range all {
		s := &all[i]
		p := passages[s.passage]
		s.score = s.holds(weights, 1) + around(s, p, weights)
		s.score *= kind.bonus(s.text, p.Heading) * (1 + 0.15*aptness(p.Page, weights) + 0.2*aptness(p.Heading, weights))
		s.score *= 1 + 0.5*p.Score - 0.03*float64(s.passage)
		if best < 0 || s.score > all[best].score {
			best = i
		}
	}
	if context != "" { // what was asked before has been answered
		weights = only(weights, terms(asked))
	}
	if best < 0 || all[best].score <= 0 {
		return found{}
	}
	p := passages[all[best].passage]
	share := confidence(all[best], p, weights)
	topical := aptness(p.Page, weights) > 0 || aptness(p.Heading, weights) > 0
	if share < known && !(share >= related && topical) {
		return found{}
	}
	return found{text: join(all, pick(all, best, kind)), page: p.Page, sure: share >= known}
}

// found is an answer. It is sure when it is about most of the question.
type found struct {
	text, page string
	sure       bool
}

// aptness is the share of a title's terms that are wanted.
func aptness(title string, weights map[string]float64) float64 {
	have := 0.0
	held := terms(plainText(title))
	for _, t := range held {
		if weights[t] > 0 && !weak[t] {
			have++
		}
	}
	return have / max(1, float64(len(held)))
}

// weigh cuts the passages into sentences and finds each wanted term's weight.
func weigh(wanted []string, passages []passage) ([]sentence, map[string]float64) {
	var all []sentence
	for i, p := range passages {
		for _, text := range sentences(p.Text) {
			all = append(all, sentence{text: text, terms: terms(plainText(text)), words: len(strings.Fields(text)), passage: i})
		}
	}
	weights := make(map[string]float64)
	for _, t := range wanted {
		holders := 0
		for i := range all {
			if slices.Contains(all[i].terms, t) {
				holders++
			}
		}
		weights[t] = math.Log(1 + (float64(len(all))+1)/(float64(holders)+1))
		if weak[t] {
			weights[t] *= 0.35
		}
	}
	return all, weights
}

// holds is the weight of the terms the sentence holds.
func (s *sentence) holds(weights map[string]float64, factor float64) float64 {
	sum := 0.0
	for _, t := range s.terms {
		sum += weights[t] * factor
	}
	return sum
}

// around is what the heading and the title hold beyond the sentence.
func around(s *sentence, p passage, weights map[string]float64) float64 {
	sum := 0.0
	seen := slices.Clone(s.terms)
	for _, place := range []struct {
		text   string
		factor float64
	}{{p.Heading, 0.6}, {p.Page, 0.4}} {
		for _, t := range terms(plainText(place.text)) {
			if !slices.Contains(seen, t) {
				seen = append(seen, t)
				sum += weights[t] * place.factor
			}
		}
	}
	return sum
}

// confidence is the share of the question that the sentence, its passage's heading
// and title are about.
func confidence(s sentence, p passage, weights map[string]float64) float64 {
	held := terms(plainText(p.Page + " " + p.Heading + " " + s.text))
	rest := terms(plainText(p.Text))
	var have, all float64
	for _, t := range slices.Sorted(maps.Keys(weights)) {
		if t[0] >= '0' && t[0] <= '9' && !slices.Contains(held, t) {
			continue // an amount of the caller's own
		}
		all += weights[t]
		switch {
		case slices.Contains(held, t):
			have += weights[t]
		case slices.Contains(rest, t):
			have += 0.7 * weights[t]
		}
	}
	return have / all
}

// only is the part of weights that belongs to wanted, or all of it if none does.
func only(weights map[string]float64, wanted []string) map[string]float64 {
	out := make(map[string]float64)
	for _, t := range wanted {
		out[t] = weights[t]
	}
	if len(out) == 0 {
		return weights
	}
	return out
}

// goesOn is how a sentence begins that needs the one before.
var goesOn = regexp.MustCompile(`^(?i:it|they|them|this|these|that|then|he|she|in that case|after that|otherwise|both|here|also|however|but|in this case|on all other|all other|the others?|(?:\w+ ){1,3}then)\b`)

// pick chooses the sentences around the best one that belong to the answer.
func pick(all []sentence, best int, kind kinds) []int {
	chosen := []int{best}
	size := all[best].words
	take := func(i int) bool {
		if i < 0 || i >= len(all) || slices.Contains(chosen, i) || size+all[i].words > maxAnswer || len(chosen) == 3 {
			return false
		}
		chosen, size = append(chosen, i), size+all[i].words
		return true
	}
	same := func(i int) bool { return i >= 0 && i < len(all) && all[i].passage == all[best].passage }
	for i := best; same(i-1) && goesOn.MatchString(all[i].text) && take(i-1); i-- {
	}
	for i := best + 1; same(i) && goesOn.MatchString(all[i].text) && take(i); i++ {
	}
	for range 2 {
		next := -1
		for i := range all {
			if same(i) && !slices.Contains(chosen, i) && all[i].score >= alike*all[best].score && kind.alike(all[best].text, all[i].text) && size+all[i].words <= maxAnswer &&
				!goesOn.MatchString(all[i].text) && (next < 0 || all[i].score > all[next].score) {
				next = i
			}
		}
		if next < 0 || !take(next) {
			break
		}
	}
	slices.Sort(chosen)
	return chosen
}

func join(all []sentence, chosen []int) string {
	var out []string
	for _, i := range chosen {
		out = append(out, all[i].text)
	}
	return strings.Join(out, " ")
}

// factKind is a kind of fact a question asks for.
type factKind struct {
	asked *regexp.Regexp
	held  *regexp.Regexp
	more  float64        // factor of sentences that hold such a fact
	under *regexp.Regexp // headings they stand under, or nil
}

const amount = `(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|twenty|thirty|sixty)`

var factKinds = []factKind{
	{regexp.MustCompile(`\b(?:how much|price|cost|costs|fee|expensive|charge for)\b`),
		regexp.MustCompile(`(?i)\d[\d.,]*\s*(?:dollar|euro|pound|percent|cent|%|€|£)|[$€£]\s*\d`), 1.5, regexp.MustCompile(`(?i)\b(?:prices?|costs?|fees?)\b`)},
	{regexp.MustCompile(`\b(?:how long|how soon|how many (?:days|weeks|hours|months)|how fast|how quickly|how late|how often|deadline|when will|when do|when can|by when)\b`),
		regexp.MustCompile(`(?i)\b` + amount + `\b.{0,25}\b(?:minute|hour|day|week|month|year)s?\b|\b\d{1,2} ?(?:am|pm)\b|\b(?:at once|same day|next working day)\b`), 1.4, regexp.MustCompile(`(?i)\b(?:how long|when|times?|days?|hours?)\b`)},
	{regexp.MustCompile(`\b(?:what time|when (?:do|does|are|is)|opening hours|open|close|hours)\b`),
		regexp.MustCompile(`(?i)\b\d{1,2}(?:[:.]\d\d)? ?(?:am|pm|uhr|h)\b|\b\d{1,2}:\d\d\b`), 1.25, regexp.MustCompile(`(?i)\bhours\b`)},
	{regexp.MustCompile(`\b(?:how do|how can|how to|how would|how should|i want|i need|i would like|help me|where do i|where can i|please)\b`),
		regexp.MustCompile(`^(?:To |Open |Choose |Go to |Press |You can |If you want|Plug |Bring |Call |Type )|(?i:\b(?:choose|open|press|type)\b)`), 1.2, regexp.MustCompile(`(?i)\bhow (?:to|you)\b|ing\b`)},
	{regexp.MustCompile(`^(?:(?:and|so|but|okay|ok|hi|hello|also|then) )*(?:can|could|may|am|is|are|do|does|will) (?:i|we|it|you|there|my|they|the)\b`),
		regexp.MustCompile(`(?i)\b(?:can|cannot|may|must|only|not|is|are|we|no)\b`), 1.15, nil},
	{regexp.MustCompile(`\bwhere\b`),
		regexp.MustCompile(`(?i)\b(?:is at|are in|street|road|avenue|square|under|in the|in your)\b|\w: in\b`), 1.15, nil},
	{regexp.MustCompile(`\b(?:why|how come|what is this)\b`),
		regexp.MustCompile(`(?i)\b(?:because|usually|often|means that|comes from|probably|reason)\b`), 1.3, nil},
}

type kinds []factKind

func kindOf(asked string) kinds {
	var out kinds
	for _, k := range factKinds {
		if k.asked.MatchString(asked) {
			out = append(out, k)
		}
	}
	return out
}

func (k kinds) bonus(text, heading string) float64 {
	factor := 1.0
	for _, kind := range k {
		if kind.held.MatchString(text) {
			factor *= kind.more
		}
		if kind.under != nil && kind.under.MatchString(heading) {
			factor *= 1.2
		}
	}
	return factor
}

// alike reports whether more holds each kind of fact that best holds.
func (k kinds) alike(best, more string) bool {
	for _, kind := range k {
		if kind.held.MatchString(best) && !kind.held.MatchString(more) {
			return false
		}
	}
	return true
}

// abbreviation ends with a full stop in the middle of a sentence.
var abbreviation = regexp.MustCompile(`(?i)(?:^|[\s(])(?:e\.g|i\.e|mr|mrs|ms|dr|no|nr|st|vs|approx|z\.b|bzw|ca|[a-z])\.$`)

// sentences cuts text at full stops, question and exclamation marks and line ends.
func sentences(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		start := 0
		for i := 0; i < len(line); i++ {
			if c := line[i]; c != '.' && c != '!' && c != '?' {
				continue
			}
			end := i + 1
			if end < len(line) && line[end] != ' ' && line[end] != '\n' && line[end] != '\t' {
				continue
			}
			if line[i] == '.' && abbreviation.MatchString(line[start:end]) {
				continue
			}
			out = appendTrimmed(out, line[start:end])
			start = end
		}
		out = appendTrimmed(out, line[start:])
	}
	return out
}

func appendTrimmed(out []string, s string) []string {
	if s = strings.TrimSpace(s); s != "" {
		return append(out, s)
	}
	return out
}
