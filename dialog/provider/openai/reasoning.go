package openai

import "strings"

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
)

// reasoningFilter removes the text between <think> and </think> from a streamed text, and
// the white space after it. A tag may be spread over several pieces.
type reasoningFilter struct {
	pending     string // may be the beginning of a tag
	isReasoning bool
	trimNext    bool // no text has passed since the last reasoning
}

// add returns the text that can pass now.
func (f *reasoningFilter) add(text string) string {
	var out strings.Builder
	text = f.pending + text
	f.pending = ""
	for text != "" {
		tag := f.nextTag(text)
		before, after, found := strings.Cut(text, tag)
		if !found {
			end := len(text) - partialTagLen(text, thinkOpen, thinkClose)
			before, f.pending = text[:end], text[end:]
		}
		if !f.isReasoning {
			out.WriteString(f.trimLeading(before))
		}
		if !found {
			break
		}
		f.trimNext = f.trimNext || f.isReasoning
		f.isReasoning = tag == thinkOpen
		text = after
	}
	return out.String()
}

// nextTag returns the tag to look for. A closing tag without an opening one is removed, too,
// because some chat templates put the opening tag into the prompt.
func (f *reasoningFilter) nextTag(text string) string {
	if f.isReasoning {
		return thinkClose
	}
	o, c := strings.Index(text, thinkOpen), strings.Index(text, thinkClose)
	if c >= 0 && (o < 0 || c < o) {
		return thinkClose
	}
	return thinkOpen
}

// trimLeading removes white space at the beginning of the text that follows reasoning.
func (f *reasoningFilter) trimLeading(text string) string {
	if f.trimNext {
		text = strings.TrimLeft(text, " \t\r\n")
	}
	if text != "" {
		f.trimNext = false
	}
	return text
}

// flush returns pending text at the end of the stream, where it cannot become a tag.
func (f *reasoningFilter) flush() string {
	text := f.pending
	f.pending = ""
	if f.isReasoning {
		return ""
	}
	return f.trimLeading(text)
}

// partialTagLen returns the length of the longest suffix of text that begins one of the tags.
func partialTagLen(text string, tags ...string) int {
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
