package tools

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/fault"
)

const maxTable = 50 << 20 // bytes of a table's file

// LookupConfig describes a table an agent may look things up in.
type LookupConfig struct {
	Name        string `yaml:"name"`        // of the tool
	Description string `yaml:"description"` // for the model: what it finds and when to use it
	File        string `yaml:"file"`        // CSV with a header, in the agent's folder
	Key         string `yaml:"key"`         // the column that is looked up; its values differ
}

// Lookup is a tool that finds a row of a CSV file by its key, so that an agent can
// tell where an order is without any system behind it. The file is read again when
// it has changed, checked at most once a second; while the new one is broken, the
// last good one answers. Safe for concurrent use.
type Lookup struct {
	config LookupConfig
	path   string
	tool   Tool

	mu        sync.Mutex
	nextCheck time.Time
	tried     stamp
	problem   error
	table     *table
}

// table is a CSV file in memory.
type table struct {
	columns []string
	digits  bool // every key is a number, so callers can read it out
	rows    map[string][]string
}

// OpenLookup reads the table of a tool from the agent's folder dir. The error is a
// fault.Error that says what is wrong with it, and in which line.
func OpenLookup(dir string, c LookupConfig) (*Lookup, error) {
	if !validName.MatchString(c.Name) {
		return nil, fault.New(fault.Invalid, "a look-up is called %q; a name is 1 to 64 of a-z, 0-9 and _", c.Name)
	}
	if !filepath.IsLocal(c.File) {
		return nil, fault.New(fault.Invalid, "the file %q of look-up %s must be in the agent's folder", c.File, c.Name)
	}
	l := &Lookup{config: c, path: filepath.Join(dir, c.File)}
	if l.refresh(); l.problem != nil {
		return nil, l.problem
	}
	type arguments struct {
		Key string `json:"key" jsonschema:"what to look up, as the caller said it"`
	}
	l.tool = Func(c.Name, c.Description, Reads, func(_ context.Context, _ string, args arguments) (any, []Note, error) {
		return l.find(args.Key), nil, nil
	})
	return l, nil
}

// Spec implements Tool.
func (l *Lookup) Spec() Spec { return l.tool.Spec() }

// Call implements Tool.
func (l *Lookup) Call(ctx context.Context, call Call) (Result, error) { return l.tool.Call(ctx, call) }

// Problem is why the file as it is now is not used, or nil.
func (l *Lookup) Problem() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.problem
}

// found is what the model reads.
type found struct {
	Found  bool              `json:"found"`
	Key    string            `json:"key"`           // as it was understood
	Say    string            `json:"say,omitempty"` // the key, to be read aloud
	Record map[string]string `json:"record,omitempty"`
}

func (l *Lookup) find(spoken string) found {
	l.mu.Lock()
	if !time.Now().Before(l.nextCheck) {
		l.refresh()
	}
	t := l.table
	l.mu.Unlock()
	out := found{Key: t.normal(spoken)}
	if t.digits {
		out.Say = SayDigits(out.Key)
	}
	row, ok := t.rows[out.Key]
	if !ok {
		return out
	}
	out.Found, out.Record = true, make(map[string]string, len(row))
	for i, value := range row {
		if value != "" {
			out.Record[t.columns[i]] = value
		}
	}
	return out
}

// normal is a key as the table has it: of a table of numbers the digits that were
// said, else letters and digits in lower case.
func (t *table) normal(key string) string {
	if t.digits {
		return SpokenDigits(key)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, fold(clip(key, maxSpoken)))
}

// refresh reads the file if it has changed since it was last tried. The caller
// holds mu, or is the only one.
func (l *Lookup) refresh() {
	l.nextCheck = time.Now().Add(checkInterval)
	info, err := os.Stat(l.path)
	if err != nil {
		l.problem, l.tried = l.fault(err, "cannot be read"), stamp{}
		return
	}
	now := stamp{size: info.Size(), modified: info.ModTime()}
	if l.tried.same(now) {
		return
	}
	l.tried = now
	if now.size > maxTable {
		l.problem = l.fault(nil, fmt.Sprintf("is larger than %d bytes", maxTable))
		return
	}
	source, err := os.ReadFile(l.path)
	if err != nil {
		l.problem = l.fault(err, "cannot be read")
		return
	}
	t, err := parseTable(source, l.config.Key)
	if err != nil {
		l.problem = l.fault(err, err.Error())
		return
	}
	l.table, l.problem = t, nil
}

func (l *Lookup) fault(err error, what string) error {
	return fault.Wrap(err, fault.Invalid, "the table %s of look-up %s %s", l.config.File, l.config.Name, what)
}

// parseTable reads CSV (RFC 4180) whose first line names the columns.
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
			return nil, fmt.Errorf("needs a different name for each column; %q is not", c)
		}
	}
	at := slices.Index(columns, key)
	if at < 0 {
		return nil, fmt.Errorf("has no column %q; it has %s", key, strings.Join(columns, ", "))
	}
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("is not CSV: %w", err)
	}
	t := &table{columns: columns, digits: true, rows: make(map[string][]string, len(rows))}
	for _, row := range rows {
		t.digits = t.digits && isNumber(row[at])
	}
	for i, row := range rows {
		k := t.normal(row[at])
		if k == "" {
			return nil, fmt.Errorf("has an empty key in row %d", i+2)
		}
		if t.rows[k] != nil {
			return nil, fmt.Errorf("has the key %q twice, again in row %d", row[at], i+2)
		}
		t.rows[k] = row
	}
	return t, nil
}

// isNumber reports whether a key has a digit and no letter, such as "#47-329".
func isNumber(key string) bool {
	return strings.ContainsFunc(key, unicode.IsDigit) && !strings.ContainsFunc(key, unicode.IsLetter)
}
