package spoken

import (
	"regexp"
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
// the match and its groups. White space around a match stays.
func replaceFunc(pattern string, write func(m []string) string) rule {
	re := regexp.MustCompile(pattern)
	return func(text string) string {
		var out strings.Builder
		end := 0
		for _, at := range re.FindAllStringSubmatchIndex(text, -1) {
			m := make([]string, len(at)/2)
			for i := range m {
				if at[2*i] >= 0 {
					m[i] = text[at[2*i]:at[2*i+1]]
				}
			}
			out.WriteString(text[end:at[0]])
			out.WriteString(write(m))
			end = at[1]
		}
		out.WriteString(text[end:])
		return out.String()
	}
}

// markupRules remove what is written but never read, in any language.
var markupRules = []rule{
	replace(`!?\[([^\]\n]*)\]\([^)\s]*\)`, "${1}"),                     // a link or picture of Markdown
	replace(`(?m)^\s*(?:#{1,6}|>|[-*+•]|\d{1,2}[.)])\s+`, ""),          // a heading, quotation or item of a list
	replace("\\*+|__+|~~+|`+", ""),                                     // emphasis and code
	replace(`</?[A-Za-z][^<>\n]*>`, " "),                               // HTML
	replace(`(?i)\bhttps?://(?:www\.)?([^\s?#]+)(?:[?#]\S*)?`, "${1}"), // an address keeps its name and path
	replace(`(^|\s)[:;]-?[)(DP](\s|$)`, "${1}${2}"),                    // a smiley
	replace(`\s*—\s*|\s+(?:–|--)\s+`, ", "),                            // dashes are pauses
}
