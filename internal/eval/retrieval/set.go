// Package retrieval measures how well a knowledge base answers questions. A set of labelled
// questions says which passages answer each one, or that none does. The package imports
// internal/yamlfile. Sets enter as YAML through Parse or are built in; a search enters as a
// function; scores leave as structs, and as a calibration plot in SVG.
package retrieval

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"strings"

	"frontdesk/internal/yamlfile"
)

// Kind is how a question is put, or why nothing answers it.
type Kind string

// The kinds of questions. The last two are those that no page answers.
const (
	Plain       Kind = "plain"       // in the words of the page, more or less
	Spoken      Kind = "spoken"      // as a recognizer writes it: no punctuation, fillers, misheard words
	Typed       Kind = "typed"       // with mistakes of the keyboard, and the spelling of chats
	Paraphrased Kind = "paraphrased" // in other words than the page's
	MultiPart   Kind = "multi-part"  // several questions in one
	NearMiss    Kind = "near miss"   // on the topic, but no page states it
	OffTopic    Kind = "off topic"
)

// Kinds are all kinds, in the order of reports.
var Kinds = []Kind{Plain, Spoken, Typed, Paraphrased, MultiPart, NearMiss, OffTopic}

// Question is a labelled question.
type Question struct {
	Text string
	Kind Kind
	// Parts has a list of answers for each thing that is asked: sections as FILE#HEADING, or
	// FILE for any section of a page; FILE may be a pattern such as products/*.md. Any section
	// of a list answers its part. Without parts, no page answers the question.
	Parts [][]string
	// Group is the same for questions that ask for nearly the same thing. They are all in the
	// same half of a set.
	Group string
}

// IsAnswerable reports whether a page answers the question.
func (q *Question) IsAnswerable() bool { return len(q.Parts) > 0 }

// Half is a half of a set. Thresholds and weights are fitted on Dev only; HeldOut says what
// they are worth.
type Half string

// The halves of a set.
const (
	Dev     Half = "dev"
	HeldOut Half = "held-out"
)

// Half returns the half that the question belongs to: by the lowest bit of the first byte
// of its group's SHA-256 sum.
func (q *Question) Half() Half {
	if sum := sha256.Sum256([]byte(q.Group)); sum[0]&1 == 1 {
		return HeldOut
	}
	return Dev
}

// entry is a group of questions in a file: what answers them, and the questions by kind.
type entry struct {
	Group    string     `yaml:"group"`
	Answers  []string   `yaml:"answers"`
	Parts    [][]string `yaml:"parts"`
	NearMiss []string   `yaml:"near miss"`
	OffTopic []string   `yaml:"off topic"`

	Plain       []string `yaml:"plain"`
	Spoken      []string `yaml:"spoken"`
	Typed       []string `yaml:"typed"`
	Paraphrased []string `yaml:"paraphrased"`
}

// Parse reads a set of questions from YAML. Errors call it name and say where the mistake
// is.
func Parse(name string, text []byte) ([]Question, error) {
	document, err := yamlfile.Parse(name, text)
	if err != nil {
		return nil, err
	}
	if err := document.RefuseExpansion(); err != nil {
		return nil, err
	}
	var file struct {
		Questions []entry `yaml:"questions"`
	}
	if err := document.Decode(&file); err != nil {
		return nil, err
	}
	var all []Question
	for i, e := range file.Questions {
		list, err := e.questions()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", document.Places.Nearest(fmt.Sprintf("questions[%d]", i)), err)
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no questions (want a list questions, each with answers and plain, spoken, typed or paraphrased)", name)
	}
	return all, nil
}

// questions returns the questions of an entry with their labels.
func (e *entry) questions() ([]Question, error) {
	parts := e.Parts
	if len(e.Answers) > 0 {
		parts = append(parts, e.Answers)
	}
	isUnanswerable := len(e.NearMiss)+len(e.OffTopic) > 0
	isAnswerable := len(e.Plain)+len(e.Spoken)+len(e.Typed)+len(e.Paraphrased) > 0
	switch {
	case isUnanswerable && (isAnswerable || len(parts) > 0):
		return nil, errors.New("questions that nothing answers need an entry of their own, without answers")
	case isAnswerable && len(parts) == 0:
		return nil, errors.New("the entry has no answers (want FILE#HEADING, or the key near miss or off topic for questions that no page answers)")
	case !isAnswerable && !isUnanswerable:
		return nil, errors.New("the entry has no question (want plain, spoken, typed, paraphrased, near miss or off topic)")
	case len(e.Answers) > 0 && len(e.Parts) > 0:
		return nil, errors.New("answers and parts exclude each other")
	}
	for _, answers := range parts {
		for _, a := range answers {
			file, _, _ := strings.Cut(a, "#")
			if _, err := path.Match(file, ""); file == "" || err != nil {
				return nil, fmt.Errorf("the answer %q names no file (want FILE#HEADING)", a)
			}
		}
		if len(answers) == 0 {
			return nil, errors.New("a part has no answers")
		}
	}
	var list []Question
	for _, k := range []struct {
		kind  Kind
		texts []string
	}{{Plain, e.Plain}, {Spoken, e.Spoken}, {Typed, e.Typed}, {Paraphrased, e.Paraphrased}, {NearMiss, e.NearMiss}, {OffTopic, e.OffTopic}} {
		for _, text := range k.texts {
			q := Question{Text: text, Kind: k.kind, Parts: parts, Group: e.Group}
			if len(parts) > 1 {
				q.Kind = MultiPart
			}
			if q.Group == "" && len(parts) > 0 {
				q.Group = parts[0][0]
			}
			if q.Group == "" {
				q.Group = text
			}
			if strings.TrimSpace(text) == "" {
				return nil, errors.New("a question is empty")
			}
			list = append(list, q)
		}
	}
	return list, nil
}
