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
)

const (
	debianModels = "/usr/share/pocketsphinx/model/en-us"

	version    = "2"   // of what is made here, so that what older versions cached is not used
	vocabulary = 20000 // words taken from the general model
	unusedTime = 30 * 24 * time.Hour

	// Tuned on a speech corpus. The own model's weight and the pruning that costs no
	// accuracy go together: what is pruned is what nobody says on the phone.
	ownWeight = 0.35
	pruning   = 2e-7
)

// model is the files a decoder loads.
type model struct {
	acoustic string // folder
	words    string // language model
	dict     string // pronunciations
}

// newModel adapts the general language model to the agent's texts, or finds what it
// made of the same texts before in the cache.
func newModel(c Config) (*model, error) {
	dir := cmp.Or(c.Models, debianModels)
	general, err := os.ReadFile(filepath.Join(dir, "en-us.lm.bin"))
	if err != nil {
		return nil, missing(err)
	}
	dict, err := os.ReadFile(filepath.Join(dir, "cmudict-en-us.dict"))
	if err != nil {
		return nil, missing(err)
	}
	if err := os.MkdirAll(c.Cache, 0o700); err != nil {
		return nil, unwritten(err)
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(version), general, dict, []byte(phraseBook), []byte(strings.Join(c.Texts, "\x00"))} {
		fmt.Fprintf(hash, "%d\n", len(part))
		hash.Write(part)
	}
	name := filepath.Join(c.Cache, "sphinx-"+hex.EncodeToString(hash.Sum(nil)[:12]))
	m := &model{acoustic: filepath.Join(dir, "en-us"), words: name + ".lm.bin", dict: name + ".dict"}
	forget(c.Cache, m)
	if exists(m.words) && exists(m.dict) {
		return m, nil
	}
	defer debug.FreeOSMemory() // the general model takes hundreds of megabytes, this once
	return m, m.make(general, dict, c.Texts)
}

func missing(err error) error {
	return fault.Wrap(err, fault.Invalid,
		"the ears need pocketsphinx's English models: install the package pocketsphinx-en-us (apt install pocketsphinx-en-us)")
}

func unwritten(err error) error {
	return fault.Wrap(err, fault.Storage, "the adapted language model cannot be written")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// forget deletes models that no agent has used for long, and marks m as used.
func forget(cache string, m *model) {
	now := time.Now()
	for _, path := range []string{m.words, m.dict} {
		_ = os.Chtimes(path, now, now) // it may not be there yet
	}
	old, _ := filepath.Glob(filepath.Join(cache, "sphinx-*"))
	for _, path := range old {
		if info, err := os.Stat(path); err == nil && now.Sub(info.ModTime()) > unusedTime {
			_ = os.Remove(path) // another process may have been quicker
		}
	}
}

// make writes the language model and its dictionary.
func (m *model) make(general, dict []byte, texts []string) error {
	known := parseDict(dict)
	own, spell, err := ownModel(texts, known)
	if err != nil {
		return err
	}
	base, err := ngram.ReadTrie(general, vocabulary, func(word string) bool {
		return known[word] != nil && !strings.ContainsFunc(word, notLetter)
	})
	if err != nil {
		return fault.Wrap(err, fault.Provider, "pocketsphinx's language model cannot be read")
	}
	mixed := ngram.Mix(base, own, ownWeight).Prune(pruning)
	if err := writeFile(m.dict, func(w io.Writer) error { return writeDict(w, mixed.Words, known, spell) }); err != nil {
		return err
	}
	arpa := m.words + ".arpa"
	if err := writeFile(arpa, mixed.WriteARPA); err != nil {
		return err
	}
	defer os.Remove(arpa) // it served its purpose
	made := m.words + ".made"
	if err := convertModel(arpa, made); err != nil {
		_ = os.Remove(made)
		return err
	}
	if err := os.Rename(made, m.words); err != nil {
		return unwritten(err)
	}
	return nil
}

// ownModel counts what callers and the agent say. spell are its words that the
// dictionary lacks, with pronunciations.
func ownModel(texts []string, known dictionary) (own *ngram.Model, spell dictionary, err error) {
	var said [][]string
	for _, text := range texts {
		said = append(said, sentences(text)...)
	}
	phrases, err := newGrammar(phraseBook, nouns(said)).sentences()
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "the phrase book cannot be read")
	}
	spell = make(dictionary)
	said = append(said, phrases...)
	for _, s := range said {
		for _, word := range s {
			if known[word] == nil && spell[word] == nil {
				spell[word] = []string{pronounce(word, known)}
			}
		}
	}
	return ngram.Count(said), spell, nil
}

// dictionary has the pronunciations of words, the usual one first: phones of the
// ARPAbet, separated by spaces.
type dictionary map[string][]string

// parseDict reads lines such as "tomato T AH M EY T OW" and "tomato(2) T AH M AA T OW".
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

// writeFile writes a file that is either whole or not there.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return unwritten(err)
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return unwritten(err)
	}
	return nil
}
