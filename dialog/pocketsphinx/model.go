package pocketsphinx

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"frontdesk/fault"
)

const (
	debianModels = "/usr/share/pocketsphinx/model/en-us"
	version      = "1"   // of what this file makes, so that older caches are not used
	vocabulary   = 20000 // words of the general model that are known
	ownWeight    = 0.2   // of the agent's own model against the general one
	phraseWeight = 2.0   // of a support phrase against a sentence of the agent's
)

// phrases is what callers of any support desk say: a sentence a line, in which {d},
// {dd}, … stand for digits and {a} for a letter.
//
//go:embed phrases.txt
var phrases string

// model is the files a decoder loads.
type model struct {
	acoustic, general string // Debian's
	dict, own         string // made here
	weight            float32
}

// newModel adapts pocketsphinx's general model to texts, or finds it in the cache.
func newModel(c Config) (*model, error) {
	dir := cmp.Or(c.Models, debianModels)
	m := &model{
		acoustic: filepath.Join(dir, "en-us"),
		general:  filepath.Join(dir, "en-us.lm.bin"),
		weight:   ownWeight,
	}
	if _, err := os.Stat(m.general); err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "pocketsphinx's English models are not installed (Debian package pocketsphinx-en-us)")
	}
	if err := os.MkdirAll(c.Cache, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the folder for the language model cannot be made")
	}
	sum := sha256.Sum256([]byte(version + "\x00" + dir + "\x00" + phrases + "\x00" + strings.Join(c.Texts, "\x00")))
	name := filepath.Join(c.Cache, "sphinx-"+hex.EncodeToString(sum[:8]))
	m.dict, m.own = name+".dict", name+".arpa"
	if exists(m.dict) && exists(m.own) {
		return m, nil
	}
	return m, m.make(filepath.Join(dir, "cmudict-en-us.dict"), c.Texts)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// make writes the dictionary and the agent's own model.
func (m *model) make(cmudict string, texts []string) error {
	known, order, err := readDict(cmudict)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "pocketsphinx's dictionary cannot be read")
	}
	likely, err := frequencies(m.general, order)
	if err != nil {
		return err
	}
	own := newNgrams()
	wanted := make(map[string]bool)
	count := func(sentence []string, weight float64) {
		// A word nobody can pronounce for us splits its sentence.
		for _, part := range split(sentence, func(w string) bool { return known[w] != nil }) {
			own.add(part, weight)
			for _, w := range part {
				wanted[w] = true
			}
		}
	}
	for _, text := range texts {
		for _, s := range spoken(text) {
			count(s, 1)
		}
	}
	for line := range strings.Lines(phrases) {
		for _, s := range fill(strings.Fields(line)) {
			count(s, phraseWeight)
		}
	}
	general := slices.DeleteFunc(order, func(w string) bool { _, ok := likely[w]; return !ok })
	slices.SortStableFunc(general, func(a, b string) int { return cmp.Compare(likely[b], likely[a]) })
	for _, w := range general[:min(vocabulary, len(general))] {
		wanted[w] = true
	}
	if err := writeFile(m.dict, func(w io.Writer) error { return writeDict(w, known, wanted) }); err != nil {
		return err
	}
	return writeFile(m.own, own.writeARPA)
}

// split cuts a sentence at the words that do not fit.
func split(words []string, fits func(string) bool) [][]string {
	var out [][]string
	for len(words) > 0 {
		n := slices.IndexFunc(words, func(w string) bool { return !fits(w) })
		if n < 0 {
			return append(out, words)
		}
		if n > 0 {
			out = append(out, words[:n])
		}
		words = words[n+1:]
	}
	return out
}

// readDict reads a pronouncing dictionary: the entries of each word, alternatives
// included, and the words in the file's order.
func readDict(path string) (entries map[string][]string, order []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	entries = make(map[string][]string)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		head, _, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			continue
		}
		word, _, _ := strings.Cut(head, "(")
		if entries[word] == nil {
			order = append(order, word)
		}
		entries[word] = append(entries[word], lines.Text())
	}
	return entries, order, lines.Err()
}

func writeDict(w io.Writer, entries map[string][]string, wanted map[string]bool) error {
	b := bufio.NewWriter(w)
	list := make([]string, 0, len(wanted))
	for word := range wanted {
		list = append(list, word)
	}
	slices.Sort(list)
	for _, word := range list {
		for _, line := range entries[word] {
			b.WriteString(line + "\n")
		}
	}
	return b.Flush()
}

// writeFile writes a file that is either whole or not there.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return fault.Wrap(err, fault.Storage, "the language model cannot be written")
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fault.Wrap(err, fault.Storage, "the language model cannot be written")
	}
	return nil
}

// samples is how often a phrase with digits or letters is filled in.
const samples = 24

// fill gives the sentences a phrase stands for. Digits and letters are dealt out
// evenly, so that each follows each.
func fill(phrase []string) [][]string {
	if !slices.ContainsFunc(phrase, isBlank) {
		return [][]string{phrase}
	}
	var out [][]string
	for i := range samples {
		var s []string
		k := i
		for _, w := range phrase {
			if !isBlank(w) {
				s = append(s, w)
				continue
			}
			for _, kind := range strings.Trim(w, "{}") {
				k = (k*7 + 3 + i) % 260
				if kind == 'a' {
					s = append(s, string(rune('a'+k%26)))
				} else {
					s = append(s, ones[k%10])
				}
			}
		}
		out = append(out, s)
	}
	return out
}

func isBlank(w string) bool { return strings.HasPrefix(w, "{") }
