package config

import (
	"strings"

	"frontdesk/internal/yamlfile"
)

// places maps a key to where its value was set: a line of the file, a variable or a flag.
type places struct{ yamlfile.Places }

// setFile records the places of a file. A single provider under llm counts as a list.
func (p *places) setFile(file yamlfile.Places) {
	p.Places = make(yamlfile.Places)
	for key, place := range file {
		if rest, ok := strings.CutPrefix(key, "llm."); ok {
			key = "llm[0]." + rest
		}
		p.Places[key] = place
	}
}

// set records the place of key, and forgets places of the keys below it, whose values
// were replaced.
func (p *places) set(key, place string) {
	if p.Places == nil {
		p.Places = make(yamlfile.Places)
	}
	for below := range p.Places {
		if strings.HasPrefix(below, key+".") || strings.HasPrefix(below, key+"[") {
			delete(p.Places, below)
		}
	}
	p.Places[key] = place
}

// prefix returns the place of key followed by ": ", or "" if it is a default.
func (p places) prefix(key string) string {
	if place := p.Nearest(key); place != "" {
		return place + ": "
	}
	return ""
}
