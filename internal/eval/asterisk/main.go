// Asterisk makes a manifest for frontdesk eval of human speech out of the voice prompts of
// Asterisk, as Debian packages them with their texts:
//
//	apt install --no-install-recommends asterisk-core-sounds-en asterisk-core-sounds-en-g722
//	go run ./internal/eval/asterisk FOLDER
//
// It writes FOLDER/manifest.json and one WAV file for each prompt that is a sentence. One
// professional speaker reads them, so real callers are harder to understand. The prompts
// are under CC-BY-SA 3.0 and not part of Frontdesk. It imports internal/eval and media.
package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"frontdesk/internal/eval"
	"frontdesk/media"
)

const (
	minWords = 3   // of a sentence
	maxWords = 40  // of what a caller says in one turn
	leadTime = 300 // ms before and
	tailTime = 800 // after a prompt, as in corpora of callers
	noise    = 8.2 // RMS of the background in them, -72 dBFS

	packetLen = 160 // bytes, 20 ms of G.722

	speechShare = 0.0056 // frames below this share of the loudest one (-45 dB) are silence
	closedGap   = 120    // ms; shorter silences belong to the speech
	minPause    = 200    // ms; longer silences are pauses
	frameTime   = 10     // ms
)

func main() {
	sounds := flag.String("sounds", "/usr/share/asterisk/sounds/en_US_f_Allison", "`folder` of prompts as G.722")
	texts := flag.String("texts", "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz", "`file` with their texts")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: asterisk [-sounds FOLDER] [-texts FILE] FOLDER")
		os.Exit(2)
	}
	if err := run(*sounds, *texts, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "asterisk:", err)
		os.Exit(1)
	}
}

func run(sounds, texts, out string) error {
	prompts, err := readTexts(texts)
	if err != nil {
		return fmt.Errorf("read the texts of the prompts (is the package asterisk-core-sounds-en installed?): %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var list []*eval.Recording
	for _, p := range prompts {
		r, err := p.record(sounds, out)
		if errors.Is(err, os.ErrNotExist) {
			continue // the packages differ by a few prompts
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		list = append(list, r)
	}
	if len(list) == 0 {
		return fmt.Errorf("no prompts in %s: install the package asterisk-core-sounds-en-g722", sounds)
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "manifest.json"), text, 0o644)
}

// prompt is a recording and what it says.
type prompt struct{ name, text string }

// corrections are of misspelled words in the package's texts.
var corrections = strings.NewReplacer("represenatives", "representatives", "indentified", "identified", "witheld", "withheld", "umute", "unmute")

// readTexts returns the prompts that are sentences, each sentence once.
func readTexts(file string) ([]prompt, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var list []prompt
	seen := make(map[string]bool)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), ": ")
		p := prompt{name, strings.Join(strings.Fields(corrections.Replace(text)), " ")}
		if key := strings.ToLower(strings.Trim(p.text, ".!")); p.isSentence() && !seen[key] {
			seen[key] = true
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b prompt) int { return cmp.Compare(a.name, b.name) })
	return list, lines.Err()
}

// isSentence reports whether p says a whole sentence, in words as they are read.
func (p prompt) isSentence() bool {
	n := len(strings.Fields(p.text))
	return n >= minWords && n <= maxWords && !strings.HasPrefix(p.name, ";") &&
		strings.ContainsAny(p.text[len(p.text)-1:], ".?!") && !strings.Contains(p.text, "...") &&
		!strings.Contains(p.text, "www.") && !strings.ContainsAny(p.text, "[]()<>*#/@")
}

// record writes the prompt as a WAV file in out and returns its entry of the manifest.
func (p prompt) record(sounds, out string) (*eval.Recording, error) {
	coded, err := os.ReadFile(filepath.Join(sounds, filepath.FromSlash(p.name)+".g722"))
	if err != nil {
		return nil, err
	}
	decoder := media.NewG722Decoder()
	var speech []int16
	for packet := range slices.Chunk(coded, packetLen) {
		if speech, err = decoder.Decode(speech, packet); err != nil {
			return nil, err
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, samples(leadTime)+len(speech)+samples(tailTime))
	copy(pcm[samples(leadTime):], speech)
	for i, v := range pcm {
		pcm[i] = int16(min(max(float64(v)+noise*rnd.NormFloat64(), -32768), 32767))
	}
	id := strings.ReplaceAll(p.name, "/", "-")
	r := &eval.Recording{File: id + ".wav", Utt: id, Category: "prompt", Text: p.text, Words: p.text, Voice: "allison"}
	if r.Segments = segments(pcm); len(r.Segments) == 0 {
		return nil, errors.New("the prompt is silent")
	}
	r.Start, r.End = r.Segments[0][0], r.Segments[len(r.Segments)-1][1]
	for i, s := range r.Segments[1:] {
		if before := r.Segments[i][1]; s[0]-before >= minPause {
			r.Pauses = append(r.Pauses, eval.Pause{Start: before, End: s[0]})
		}
	}
	f, err := os.Create(filepath.Join(out, r.File))
	if err != nil {
		return nil, err
	}
	return r, errors.Join(media.WriteWAV(f, media.EarRate, 1, pcm), f.Close())
}

// segments returns where there is speech, in ms.
func segments(pcm []int16) [][2]int {
	var level []float64
	for frame := range slices.Chunk(pcm, samples(frameTime)) {
		level = append(level, media.RMS(frame))
	}
	threshold := speechShare * slices.Max(level)
	var list [][2]int
	for i, l := range level {
		if from, to := i*frameTime, (i+1)*frameTime; l < max(threshold, 2*noise) {
			continue
		} else if last := len(list) - 1; last >= 0 && from-list[last][1] < closedGap {
			list[last][1] = to
		} else {
			list = append(list, [2]int{from, to})
		}
	}
	return list
}

func samples(ms int) int { return ms * media.EarRate / 1000 }
