package pocketsphinx

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/ngram"
	"frontdesk/internal/phrasebook"
)

const (
	debianModels = "/usr/share/pocketsphinx/model/en-us"

	cacheVersion   = "2"   // changes with the code below, so that models of older versions are not used
	vocabularySize = 20000 // words of the general model
	maxUnused      = 30 * 24 * time.Hour

	// Tuned together on a speech corpus: this pruning removes what callers do not say, and
	// costs no accuracy.
	agentWeight    = 0.35 // of the agent's model in the mixture
	pruneThreshold = 2e-7
)

// model names the files that a decoder loads.
type model struct {
	acoustic string // folder of the acoustic model
	language string // language model
	dict     string // pronunciations
}

// newModel adapts the general language model to the agent's texts, unless the cache has the
// model for the same texts.
func newModel(c Config) (*model, error) {
	dir := cmp.Or(c.Models, debianModels)
	general, err := os.ReadFile(filepath.Join(dir, "en-us.lm.bin"))
	if err != nil {
		return nil, missingError(err)
	}
	dict, err := os.ReadFile(filepath.Join(dir, "cmudict-en-us.dict"))
	if err != nil {
		return nil, missingError(err)
	}
	if err := os.MkdirAll(c.Cache, 0o700); err != nil {
		return nil, writeError(err)
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(cacheVersion), general, dict, []byte(phrasebook.Book), []byte(strings.Join(c.Texts, "\x00"))} {
		fmt.Fprintf(hash, "%d\n", len(part))
		hash.Write(part)
	}
	name := filepath.Join(c.Cache, "sphinx-"+hex.EncodeToString(hash.Sum(nil)[:12]))
	m := &model{acoustic: filepath.Join(dir, "en-us"), language: name + ".lm.bin", dict: name + ".dict"}
	removeUnused(c.Cache, m)
	if exists(m.language) && exists(m.dict) {
		return m, nil
	}
	defer debug.FreeOSMemory() // of the general model: hundreds of megabytes
	return m, m.build(general, dict, c.Texts)
}

func missingError(err error) error {
	return fault.Wrap(err, fault.Invalid,
		"the recognizer needs the English models of pocketsphinx: install the package pocketsphinx-en-us (apt install pocketsphinx-en-us)")
}

func writeError(err error) error {
	return fault.Wrap(err, fault.Storage, "the adapted language model cannot be written")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// removeUnused deletes models that no agent has used for maxUnused, and marks m as used.
func removeUnused(cache string, m *model) {
	now := time.Now()
	for _, path := range []string{m.language, m.dict} {
		_ = os.Chtimes(path, now, now) // the file may not exist yet
	}
	old, _ := filepath.Glob(filepath.Join(cache, "sphinx-*"))
	for _, path := range old {
		if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) > maxUnused {
			_ = os.Remove(path) // another process may have removed it
		}
	}
}

// build writes the language model and its dictionary.
func (m *model) build(general, dict []byte, texts []string) error {
	known := parseDict(dict)
	agent, guessed, err := agentModel(texts, known)
	if err != nil {
		return err
	}
	base, err := ngram.ReadTrie(general, vocabularySize, func(word string) bool {
		return known[word] != nil && !strings.ContainsFunc(word, phrasebook.NotLetter)
	})
	if err != nil {
		return fault.Wrap(err, fault.Provider, "the language model of pocketsphinx cannot be read")
	}
	mixed := ngram.Mix(base, agent, agentWeight).Prune(pruneThreshold)
	if err := writeFile(m.dict, func(w io.Writer) error { return writeDict(w, mixed.Words, known, guessed) }); err != nil {
		return err
	}
	arpa := m.language + ".arpa"
	if err := writeFile(arpa, mixed.WriteARPA); err != nil {
		return err
	}
	defer os.Remove(arpa)
	temp := m.language + ".made"
	if err := convertModel(arpa, temp); err != nil {
		_ = os.Remove(temp)
		return err
	}
	if err := os.Rename(temp, m.language); err != nil {
		return writeError(err)
	}
	return nil
}

// agentModel makes a language model of the agent's texts and the phrase book. guessed holds
// pronunciations of its words that the dictionary does not have.
func agentModel(texts []string, known dictionary) (m *ngram.Model, guessed dictionary, err error) {
	spoken, err := phrasebook.Sentences(phrasebook.Knowledge{Texts: texts})
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "the phrase book cannot be read")
	}
	guessed = make(dictionary)
	for _, s := range spoken {
		for _, word := range s {
			if known[word] == nil && guessed[word] == nil {
				guessed[word] = []string{pronounce(word, known)}
			}
		}
	}
	return ngram.Count(spoken), guessed, nil
}

// dictionary maps words to their pronunciations, the most common one first, as ARPAbet phones
// separated by spaces.
type dictionary map[string][]string

// parseDict parses lines such as "tomato T AH M EY T OW" and "tomato(2) T AH M AA T OW".
func parseDict(b []byte) dictionary {
	d := make(dictionary)
	for line := range bytes.Lines(b) {
		head, phones, ok := strings.Cut(strings.TrimSpace(string(line)), " ")
		if word, _, _ := strings.Cut(head, "("); ok && word != "" {
			d[word] = append(d[word], strings.TrimSpace(phones))
		}
	}
	return d
}

// writeDict writes the pronunciations of words.
func writeDict(w io.Writer, words []string, dictionaries ...dictionary) error {
	b := bufio.NewWriter(w)
	for _, word := range words {
		for _, d := range dictionaries {
			for i, phones := range d[word] {
				if i == 0 {
					fmt.Fprintf(b, "%s %s\n", word, phones)
				} else {
					fmt.Fprintf(b, "%s(%d) %s\n", word, i+1, phones)
				}
			}
		}
	}
	return b.Flush()
}

// writeFile writes a file atomically.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return writeError(err)
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return writeError(err)
	}
	return nil
}
