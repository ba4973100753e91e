package espeak

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// voices maps the tag of each language, in lower case, to the voice that suits it best.
type voices map[string]candidate

type candidate struct {
	voice    string
	priority int // espeak's: lower is better
}

// unlisted is what a voice loses for a language that espeak does not list it for.
const unlisted = 100

// parseVoices reads the table of espeak-ng --voices. Its columns are priority,
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
		v[voice] = candidate{voice, -1} // nothing suits a language better than its own voice
		for other := range strings.SplitSeq(strings.Join(fields[5:], " "), ")") {
			if tag, p, ok := strings.Cut(strings.TrimLeft(other, "("), " "); ok {
				if p, err := strconv.Atoi(p); err == nil {
					v.offer(strings.ToLower(tag), candidate{voice, p})
				}
			}
		}
		v.offer(primary(voice), candidate{voice, priority + unlisted})
	}
	return v
}

func (v voices) offer(tag string, c candidate) {
	if old, ok := v[tag]; !ok || c.priority < old.priority {
		v[tag] = c
	}
}

// names are the voices themselves.
func (v voices) names() []string {
	all := make(map[string]bool)
	for _, c := range v {
		all[c.voice] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// has reports whether there is a voice of that name; a variant follows a plus sign.
func (v voices) has(name string) bool {
	base, variant, _ := strings.Cut(strings.ToLower(name), "+")
	for _, r := range variant {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return v[base].voice == base && base != ""
}

// find returns the voice for a BCP 47 tag: for all of it, else for less and less of it
// (RFC 4647, section 3.4).
func (v voices) find(language string) (string, bool) {
	for _, tag := range wider(language) {
		if c, ok := v[tag]; ok {
			return c.voice, true
		}
	}
	return "", false
}

// wider lists a tag and its prefixes, the longest first: "zh-hant-tw", "zh-hant", "zh".
func wider(language string) []string {
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

func primary(language string) string {
	list := wider(language)
	return list[len(list)-1]
}
