package tools

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools/gate"
)

const (
	maxTable = 50 << 20 // bytes of a table's file
	maxKey   = 4096     // bytes of a key
	// checkInterval is how long a table answers before its file is checked for changes.
	checkInterval = time.Second
)

// LookupConfig describes a table for look-ups.
type LookupConfig struct {
	Name        string // of the tool
	Description string // for the model: what the table contains and when to use it
	File        string // path of a CSV file with a header
	Key         string // the column that is looked up; its values are unique
	// Fact is a column whose value the caller must know, too, such as a postcode: without it
	// nobody learns even whether there is such a row. "" tells a row to everybody who knows
	// its key.
	Fact string

	OnProblem func(error) // is told once why a changed file is not used
}

// Lookup is a tool that finds a row of a CSV file by its key, so that an agent can say
// where an order is without an order system. It checks the file for changes at most once
// a second. While a changed file is invalid, the last valid one answers. Safe for
// concurrent use.
type Lookup struct {
	config LookupConfig
	tool   Tool

	mu        sync.Mutex // guards the fields below
	nextCheck time.Time
	version   fileVersion // that was read last, valid or not
	problem   error       // of that version
	table     *table
}

// fileVersion tells whether a file has changed.
type fileVersion struct {
	size     int64
	modified time.Time
}

func (v fileVersion) equal(other fileVersion) bool {
	return v.size == other.size && v.modified.Equal(other.modified)
}

// table is a CSV file in memory.
type table struct {
	columns    []string
	hasNumbers bool                // every key is a number, so callers can read it out
	rows       map[string][]string // by normalized key
}

// OpenLookup reads the table. The error is a fault.Error that says what is wrong with the
// file, and in which line.
func OpenLookup(c LookupConfig) (*Lookup, error) {
	if !validName.MatchString(c.Name) {
		return nil, fault.New(fault.Invalid, "invalid look-up name %q (want 1 to 64 of a-z, 0-9 and _)", c.Name)
	}
	l := &Lookup{config: c}
	if l.refresh(); l.problem != nil {
		return nil, l.problem
	}
	if c.Fact != "" {
		l.tool = l.newProvingTool()
		return l, nil
	}
	type arguments struct {
		Key string `json:"key" jsonschema:"what to look up, as the caller said it"`
	}
	l.tool = Func(c.Name, c.Description, gate.Rule{Identify: []string{"key"}, IsTrusted: true}, func(_ context.Context, _ string, args arguments) (any, []Note, error) {
		return l.find(args.Key), nil, nil
	})
	return l, nil
}

// newProvingTool returns the tool for a table whose rows need a fact.
func (l *Lookup) newProvingTool() Tool {
	type arguments struct {
		Key  string `json:"key" jsonschema:"what to look up, as the caller said it"`
		Fact string `json:"fact,omitempty" jsonschema:"what the caller said to prove that the record is theirs"`
	}
	description := l.config.Description + " The caller must also say the value of: " + l.config.Fact + "."
	rule := gate.Rule{Identify: []string{"key", "fact"}, IsTrusted: true}
	return Func(l.config.Name, description, rule, func(_ context.Context, _ string, args arguments) (any, []Note, error) {
		return l.findProved(args.Key, args.Fact), nil, nil
	})
}

// Spec implements Tool.
func (l *Lookup) Spec() Spec { return l.tool.Spec() }

// Call implements Tool.
func (l *Lookup) Call(ctx context.Context, call Call) (Result, error) {
	result, err := l.tool.Call(ctx, call)
	if err != nil {
		return result, err
	}
	var out lookupResult
	if err := json.Unmarshal(result.Output, &out); err != nil {
		return result, err
	}
	result.IsWrong = !out.Found && !out.NeedsFact
	if out.Found && l.config.Fact != "" {
		result.Proved = out.Key
	}
	return result, nil
}

// Keys returns the keys of the table, sorted, as they are looked up: numbers as digits, others
// as letters and digits in lower case.
func (l *Lookup) Keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.table.rows))
}

// lookupResult is what the model reads.
type lookupResult struct {
	Found  bool              `json:"found"`
	Key    string            `json:"key"`           // as it was understood
	Say    string            `json:"say,omitempty"` // the key, to be read aloud
	Record map[string]string `json:"record,omitempty"`
	// NeedsFact says that the caller must first say the value of the column Fact. It does not
	// say whether there is a record.
	NeedsFact bool   `json:"needs_fact,omitempty"`
	Fact      string `json:"fact,omitempty"`
}

// findProved finds a row if the caller knows its fact. A wrong fact and an unknown key give
// the same result.
func (l *Lookup) findProved(spokenKey, fact string) lookupResult {
	out := l.find(spokenKey)
	if strings.TrimSpace(fact) == "" {
		return lookupResult{Key: out.Key, Say: out.Say, NeedsFact: true, Fact: l.config.Fact}
	}
	if !out.Found || !isSameFact(out.Record[l.config.Fact], fact) {
		return lookupResult{Key: out.Key, Say: out.Say}
	}
	return out
}

// isSameFact compares a fact with what the caller said, without case, spaces, accents and
// punctuation, and with spoken digits.
func isSameFact(fact, said string) bool {
	squeeze := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, words.Fold(words.Clip(s, maxKey)))
	}
	want := squeeze(fact)
	if want == "" {
		return false
	}
	if isNumber(fact) && subtle.ConstantTimeCompare([]byte(want), []byte(words.SpokenDigits(said))) == 1 {
		return true
	}
	if len(words.Split(said)) > maxFactWords { // nobody may try one after the other in one sentence
		return false
	}
	tokens := words.Split(words.Fold(said))
	for start := range tokens { // "it is S W 1 A 1 A A"
		joined := ""
		for _, t := range tokens[start:] {
			joined += t
			if subtle.ConstantTimeCompare([]byte(want), []byte(joined)) == 1 {
				return true
			}
		}
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(squeeze(said))) == 1
}

// maxFactWords is how many words may name a fact, such as a postcode that is spelled.
const maxFactWords = 12

func (l *Lookup) find(spokenKey string) lookupResult {
	l.mu.Lock()
	if !time.Now().Before(l.nextCheck) {
		before := fmt.Sprint(l.problem)
		if l.refresh(); l.problem != nil && l.problem.Error() != before {
			l.config.OnProblem(l.problem)
		}
	}
	table := l.table
	l.mu.Unlock()
	out := lookupResult{Key: table.normalize(spokenKey)}
	if table.hasNumbers {
		out.Say = words.SayDigits(out.Key)
	}
	row, ok := table.rows[out.Key]
	if !ok {
		return out
	}
	out.Found, out.Record = true, make(map[string]string, len(row))
	for i, value := range row {
		if value != "" {
			out.Record[table.columns[i]] = value
		}
	}
	return out
}

// normalize returns a key in the form that rows are stored under: its spoken digits if the
// keys are numbers, else its letters and digits in lower case.
func (t *table) normalize(key string) string {
	if t.hasNumbers {
		return words.SpokenDigits(key)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, words.Fold(words.Clip(key, maxKey)))
}

// refresh reads the file if it has changed since the last attempt. The caller holds mu,
// except while l is being opened.
func (l *Lookup) refresh() {
	l.nextCheck = time.Now().Add(checkInterval)
	info, err := os.Stat(l.config.File)
	if err != nil {
		l.problem, l.version = l.fault(err, "cannot be read"), fileVersion{}
		return
	}
	version := fileVersion{size: info.Size(), modified: info.ModTime()}
	if l.version.equal(version) {
		return
	}
	l.version = version
	if version.size > maxTable {
		l.problem = l.fault(nil, fmt.Sprintf("is larger than %d bytes", maxTable))
		return
	}
	source, err := os.ReadFile(l.config.File)
	if err != nil {
		l.problem = l.fault(err, "cannot be read")
		return
	}
	table, err := parseTable(source, l.config.Key)
	if err == nil && l.config.Fact != "" && !slices.Contains(table.columns, l.config.Fact) {
		err = fmt.Errorf("has no column %q (it has %s)", l.config.Fact, strings.Join(table.columns, ", "))
	}
	if err != nil {
		l.problem = l.fault(err, err.Error())
		return
	}
	l.table, l.problem = table, nil
}

func (l *Lookup) fault(err error, what string) error {
	return fault.Wrap(err, fault.Invalid, "the table %s of look-up %s %s", filepath.Base(l.config.File), l.config.Name, what)
}

// parseTable parses CSV (RFC 4180) whose first line names the columns.
func parseTable(source []byte, key string) (*table, error) {
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	if !utf8.Valid(source) {
		return nil, errors.New("is not text in UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(source))
	columns, err := r.Read()
	if err == io.EOF {
		return nil, errors.New("is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("is not CSV: %w", err)
	}
	for i, c := range columns {
		columns[i] = strings.TrimSpace(c)
		if columns[i] == "" || slices.Contains(columns[:i], columns[i]) {
			return nil, fmt.Errorf("needs a unique name for each column: %q is empty or a duplicate", c)
		}
	}
	keyColumn := slices.Index(columns, key)
	if keyColumn < 0 {
		return nil, fmt.Errorf("has no column %q (it has %s)", key, strings.Join(columns, ", "))
	}
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("is not CSV: %w", err)
	}
	t := &table{columns: columns, hasNumbers: true, rows: make(map[string][]string, len(records))}
	for _, row := range records {
		t.hasNumbers = t.hasNumbers && isNumber(row[keyColumn])
	}
	for i, row := range records {
		k := t.normalize(row[keyColumn])
		if k == "" {
			return nil, fmt.Errorf("has an empty key in row %d", i+2)
		}
		if t.rows[k] != nil {
			return nil, fmt.Errorf("has a key in row %d that another row has, too", i+2)
		}
		t.rows[k] = row
	}
	return t, nil
}

// isNumber reports whether a key has digits and no letters, such as "#47-329".
func isNumber(key string) bool {
	return strings.ContainsFunc(key, unicode.IsDigit) && !strings.ContainsFunc(key, unicode.IsLetter)
}
