package espeak

import (
	"strconv"
	"strings"
)

// voices maps each language tag, in lower case, to the best voice for it.
type voices map[string]candidate

type candidate struct {
	voice    string
	priority int // as espeak-ng counts: lower is better
}

// unlistedPenalty is added to the priority of a voice for a language that espeak-ng does not
// list for it.
const unlistedPenalty = 100

// parseVoices reads the table that espeak-ng --voices prints. Its columns are priority,
// language, age and gender, name, file, and further languages as "(zh-cmn 5)(zh 5)".
func parseVoices(table string) voices {
	v := make(voices)
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		priority, err := strconv.Atoi(fields[0])
		if err != nil {
			continue // the heading
		}
		voice := strings.ToLower(fields[1])
		v[voice] = candidate{voice, -1} // better than any other voice for its own language
		for other := range strings.SplitSeq(strings.Join(fields[5:], " "), ")") {
			if tag, p, ok := strings.Cut(strings.TrimLeft(other, "("), " "); ok {
				if p, err := strconv.Atoi(p); err == nil {
					v.add(strings.ToLower(tag), candidate{voice, p})
				}
			}
		}
		v.add(primary(voice), candidate{voice, priority + unlistedPenalty})
	}
	return v
}

// add makes c the voice for tag if it is better than the present one.
func (v voices) add(tag string, c candidate) {
	if old, ok := v[tag]; !ok || c.priority < old.priority {
		v[tag] = c
	}
}

// has reports whether a voice has that name, which may end in a plus sign and a variant.
func (v voices) has(name string) bool {
	base, variant, _ := strings.Cut(strings.ToLower(name), "+")
	for _, r := range variant {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return v[base].voice == base && base != ""
}

// find returns the voice for the longest known prefix of a BCP 47 tag (RFC 4647, section 3.4).
func (v voices) find(language string) (string, bool) {
	for _, tag := range prefixes(language) {
		if c, ok := v[tag]; ok {
			return c.voice, true
		}
	}
	return "", false
}

// prefixes returns a tag and its prefixes, the longest first: "zh-hant-tw", "zh-hant", "zh".
func prefixes(language string) []string {
	tag, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(language, "_", "-")), "+")
	list := []string{tag}
	for {
		i := strings.LastIndexByte(tag, '-')
		if i < 0 {
			return list
		}
		tag = tag[:i]
		list = append(list, tag)
	}
}

// primary returns the primary language of a tag: "zh".
func primary(language string) string {
	list := prefixes(language)
	return list[len(list)-1]
}
