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

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	maxTable = 50 << 20 // bytes of a table's file
	maxKey   = 4096     // bytes of a key
)

// Lookup describes a table an agent may look things up in.
type Lookup struct {
	Name        string // of the tool
	Description string // for the model: what it finds and when to use it
	File        string // path of a CSV file with a header
	Key         string // the column that is looked up; its values differ
}

// Table is a tool that finds a row of a CSV file by its key, so that an agent can
// tell where an order is without any system behind it. The file is read again when
// it has changed, checked at most once a second; while the new one is broken, the
// last good one answers. Safe for concurrent use.
type Table struct {
	config Lookup
	tool   Tool

	mu        sync.Mutex
	nextCheck time.Time
	tried     stamp
	problem   error
	rows      *rows
}

// rows is a CSV file in memory.
type rows struct {
	columns []string
	digits  bool                // every key is a number, so callers can read it out
	byKey   map[string][]string // by the key's normal form
}

// OpenLookup reads the table. The error is a fault.Error that says what is wrong
// with it, and in which line.
func OpenLookup(c Lookup) (*Table, error) {
	if !validName.MatchString(c.Name) {
		return nil, fault.New(fault.Invalid, "a look-up is called %q; a name is 1 to 64 of a-z, 0-9 and _", c.Name)
	}
	t := &Table{config: c}
	if t.refresh(); t.problem != nil {
		return nil, t.problem
	}
	type arguments struct {
		Key string `json:"key" jsonschema:"what to look up, as the caller said it"`
	}
	t.tool = Func(c.Name, c.Description, Reads, func(_ context.Context, _ string, args arguments) (any, []Note, error) {
		return t.find(args.Key), nil, nil
	})
	return t, nil
}

// Spec implements Tool.
func (t *Table) Spec() Spec { return t.tool.Spec() }

// Call implements Tool.
func (t *Table) Call(ctx context.Context, call Call) (Result, error) { return t.tool.Call(ctx, call) }

// Problem is why the file as it is now is not used, or nil.
func (t *Table) Problem() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.problem
}

// found is what the model reads.
type found struct {
	Found  bool              `json:"found"`
	Key    string            `json:"key"`           // as it was understood
	Say    string            `json:"say,omitempty"` // the key, to be read aloud
	Record map[string]string `json:"record,omitempty"`
}

func (t *Table) find(spoken string) found {
	t.mu.Lock()
	if !time.Now().Before(t.nextCheck) {
		t.refresh()
	}
	rows := t.rows
	t.mu.Unlock()
	out := found{Key: rows.normal(spoken)}
	if rows.digits {
		out.Say = words.SayDigits(out.Key)
	}
	row, ok := rows.byKey[out.Key]
	if !ok {
		return out
	}
	out.Found, out.Record = true, make(map[string]string, len(row))
	for i, value := range row {
		if value != "" {
			out.Record[rows.columns[i]] = value
		}
	}
	return out
}

// normal is a key as the table has it: of a table of numbers the digits that were
// said, else letters and digits in lower case.
func (r *rows) normal(key string) string {
	if r.digits {
		return words.SpokenDigits(key)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, words.Fold(words.Clip(key, maxKey)))
}

// refresh reads the file if it has changed since it was last tried. The caller
// holds mu, or is the only one.
func (t *Table) refresh() {
	t.nextCheck = time.Now().Add(checkInterval)
	info, err := os.Stat(t.config.File)
	if err != nil {
		t.problem, t.tried = t.fault(err, "cannot be read"), stamp{}
		return
	}
	now := stamp{size: info.Size(), modified: info.ModTime()}
	if t.tried.same(now) {
		return
	}
	t.tried = now
	if now.size > maxTable {
		t.problem = t.fault(nil, fmt.Sprintf("is larger than %d bytes", maxTable))
		return
	}
	source, err := os.ReadFile(t.config.File)
	if err != nil {
		t.problem = t.fault(err, "cannot be read")
		return
	}
	rows, err := parseTable(source, t.config.Key)
	if err != nil {
		t.problem = t.fault(err, err.Error())
		return
	}
	t.rows, t.problem = rows, nil
}

func (t *Table) fault(err error, what string) error {
	return fault.Wrap(err, fault.Invalid, "the table %s of look-up %s %s", filepath.Base(t.config.File), t.config.Name, what)
}

// parseTable reads CSV (RFC 4180) whose first line names the columns.
func parseTable(source []byte, key string) (*rows, error) {
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
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("is not CSV: %w", err)
	}
	t := &rows{columns: columns, digits: true, byKey: make(map[string][]string, len(records))}
	for _, row := range records {
		t.digits = t.digits && isNumber(row[at])
	}
	for i, row := range records {
		k := t.normal(row[at])
		if k == "" {
			return nil, fmt.Errorf("has an empty key in row %d", i+2)
		}
		if t.byKey[k] != nil {
			return nil, fmt.Errorf("has the key %q twice, again in row %d", row[at], i+2)
		}
		t.byKey[k] = row
	}
	return t, nil
}

// isNumber reports whether a key has a digit and no letter, such as "#47-329".
func isNumber(key string) bool {
	return strings.ContainsFunc(key, unicode.IsDigit) && !strings.ContainsFunc(key, unicode.IsLetter)
}
