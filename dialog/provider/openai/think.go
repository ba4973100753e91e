package openai

import "strings"

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// thinkFilter takes reasoning out of a streamed text: what stands between <think> and
// </think>, and blank space after it. A tag may be spread over several pieces.
type thinkFilter struct {
	held     string // may be the beginning of a tag
	thinking bool
	trim     bool // nothing was let through since the reasoning
}

// add returns what of the text so far can be let through now.
func (f *thinkFilter) add(text string) string {
	var out strings.Builder
	text = f.held + text
	f.held = ""
	for text != "" {
		tag := f.tag(text)
		before, after, found := strings.Cut(text, tag)
		if !found {
			keep := len(text) - partOf(text, thinkOpen, thinkClose)
			before, f.held = text[:keep], text[keep:]
		}
		if !f.thinking {
			out.WriteString(f.let(before))
		}
		if !found {
			break
		}
		f.trim = f.trim || f.thinking
		f.thinking = tag == thinkOpen
		text = after
	}
	return out.String()
}

// tag is the tag that matters next. A closing one without its opening is taken out
// too: some chat templates open the reasoning in the prompt.
func (f *thinkFilter) tag(text string) string {
	if f.thinking {
		return thinkClose
	}
	o, c := strings.Index(text, thinkOpen), strings.Index(text, thinkClose)
	if c >= 0 && (o < 0 || c < o) {
		return thinkClose
	}
	return thinkOpen
}

func (f *thinkFilter) let(text string) string {
	if f.trim {
		text = strings.TrimLeft(text, " \t\r\n")
	}
	if text != "" {
		f.trim = false
	}
	return text
}

// flush returns what was held back and proved to be no tag.
func (f *thinkFilter) flush() string {
	text := f.held
	f.held = ""
	if f.thinking {
		return ""
	}
	return f.let(text)
}

// partOf is the length of the longest end of text that begins one of the tags.
func partOf(text string, tags ...string) int {
	longest := 0
	for _, tag := range tags {
		for n := min(len(tag)-1, len(text)); n > longest; n-- {
			if strings.HasSuffix(text, tag[:n]) {
				longest = n
			}
		}
	}
	return longest
}
