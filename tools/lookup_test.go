package tools

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

const orders = "\ufeffOrder , item,status\n47329,\"Lamp, brass\",shipped\n#88-150,Toaster,\n"

func openLookup(t testing.TB, content, key string) (*Lookup, string, error) {
	t.Helper()
	file := filepath.Join(writeFiles(t, map[string]string{"orders.csv": content}), "orders.csv")
	l, err := OpenLookup(LookupConfig{Name: "order_status", Description: "Finds an order.", File: file, Key: key})
	return l, file, err
}

func lookUp(t testing.TB, l *Lookup, key string) lookupResult {
	t.Helper()
	arguments, _ := json.Marshal(map[string]string{"key": key})
	var out lookupResult
	decode(t, newRegistry(t, l).DoAsOperator(t.Context(), Call{Name: "order_status", Arguments: arguments}), &out)
	return out
}

func TestLookupFindsARowBySpokenDigits(t *testing.T) {
	l, _, err := openLookup(t, orders, "Order")
	require.NoError(t, err)
	for _, key := range []string{"47329", "order number four seven three two nine", "4 7 3 2 9", "#47-329"} {
		got := lookUp(t, l, key)
		if !got.Found || got.Key != "47329" || got.Say != "4 7 3 2 9" || got.Record["item"] != "Lamp, brass" || got.Record["status"] != "shipped" {
			t.Errorf("look-up of %q = %+v", key, got)
		}
	}
	got := lookUp(t, l, "double eight one five oh")
	if _, there := got.Record["status"]; !got.Found || there || got.Record["Order"] != "#88-150" {
		t.Errorf("second row: got %+v", got)
	}
	for key, understood := range map[string]string{"12345": "12345", "": "", "no idea": ""} {
		if got := lookUp(t, l, key); got.Found || got.Key != understood {
			t.Errorf("look-up of %q = %+v", key, got)
		}
	}
}

func TestLookupIgnoresCaseAndPunctuation(t *testing.T) {
	l, _, err := openLookup(t, "code,plan\nAB-12,Basic\nÇD 7,Plus\n", "code")
	require.NoError(t, err)
	for key, plan := range map[string]string{"ab12": "Basic", "A B 1 2": "Basic", "cd-7": "Plus"} {
		if got := lookUp(t, l, key); got.Record["plan"] != plan || got.Say != "" {
			t.Errorf("look-up of %q = %+v", key, got)
		}
	}
	if got := l.Keys(); !slices.Equal(got, []string{"ab12", "cd7"}) {
		t.Errorf("keys %q", got)
	}
}

func TestOpenLookupSaysWhatIsWrongWithTheFile(t *testing.T) {
	for content, want := range map[string]string{
		"":                          "empty",
		"item,status\na,b\n":        `no column "order" (it has item, status)`,
		"order,item\n1,a\n2\n":      "line 3",
		"order,item\n1,\"a\n":       "line",
		"order,order\n1,2\n":        "unique name",
		"order,\n1,2\n":             "unique name",
		"order,item\n1,a\n,b\n":     "empty key in row 3",
		"order,item\n47,a\n4-7,b\n": "a key in row 3 that another row has",
		"order,item\n1,caf\xe9\n":   "UTF-8",
		"order\n" + strings.Repeat("x", 9) + "\"\n": "line 2",
	} {
		_, _, err := openLookup(t, content, "order")
		if err == nil {
			t.Errorf("OpenLookup accepted %.30q", content)
			continue
		}
		if f := fault.From(err); f.Code != fault.Invalid || !strings.Contains(f.Message, want) || !strings.Contains(f.Message, "orders.csv") {
			t.Errorf("%.30q: got error %q, want %q", content, f.Message, want)
		}
	}
	if _, err := OpenLookup(LookupConfig{Name: "x", File: filepath.Join(t.TempDir(), "none.csv"), Key: "a"}); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
		t.Errorf("missing file: got error %v", err)
	}
	if _, err := OpenLookup(LookupConfig{Name: "Not a name"}); err == nil {
		t.Error("OpenLookup accepted an invalid name")
	}
	big := filepath.Join(t.TempDir(), "big.csv")
	require.NoError(t, os.WriteFile(big, nil, 0o600))
	require.NoError(t, os.Truncate(big, maxTable+1))
	if _, err := OpenLookup(LookupConfig{Name: "x", File: big, Key: "a"}); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("huge file: got error %v", err)
	}
}

func TestLookupReadsAChangedFile(t *testing.T) {
	l, file, err := openLookup(t, "order,status\n1,packed\n", "order")
	require.NoError(t, err)
	var problems []error
	l.config.OnProblem = func(err error) { problems = append(problems, err) }
	synctest.Test(t, func(t *testing.T) {
		status := func() string { time.Sleep(checkInterval); return lookUp(t, l, "1").Record["status"] }
		writeFile(t, file, "order,status\n1,shipped\n")
		time.Sleep(time.Until(l.nextCheck)) // synctest's clock starts in the past
		if got := status(); got != "shipped" {
			t.Errorf("after a change: got %q", got)
		}
		writeFile(t, file, "order,status\n1\n")
		if got := [2]string{status(), status()}; got != [2]string{"shipped", "shipped"} || len(problems) != 1 {
			t.Errorf("while the file is invalid: got %q, problems %v", got, problems)
		}
		require.NoError(t, os.Remove(file))
		if got := status(); got != "shipped" || len(problems) != 2 {
			t.Errorf("while the file is missing: got %q, problems %v", got, problems)
		}
		writeFile(t, file, "order,status\n1,delivered\n")
		if got := status(); got != "delivered" || len(problems) != 2 {
			t.Errorf("after the repair: got %q, problems %v", got, problems)
		}
	})
}

func FuzzTable(f *testing.F) {
	for _, content := range []string{orders, "a\n1\n", "a,b\n1,\"x\ny\"\n", "a;b\n", "\"", "a\n\x00\n", "a\nOne\nTwo\n"} {
		f.Add([]byte(content), "a")
	}
	f.Fuzz(func(t *testing.T, content []byte, key string) {
		table, err := parseTable(content, key)
		if err != nil {
			return
		}
		for k, row := range table.rows {
			if k == "" || len(row) != len(table.columns) {
				t.Errorf("row %q with key %q, columns %q", row, k, table.columns)
			}
		}
	})
}

func TestFactProvesThatARecordIsTheCallers(t *testing.T) {
	const table = "order,status,postcode\n47329,shipped,SW1A 1AA\n47330,packed,10115\n47331,packed,\n"
	file := filepath.Join(writeFiles(t, map[string]string{"orders.csv": table}), "orders.csv")
	l, err := OpenLookup(LookupConfig{Name: "order_status", Description: "Finds an order.", File: file, Key: "order", Fact: "postcode"})
	require.NoError(t, err)
	r := newRegistry(t, l)
	look := func(key, fact string) (Result, lookupResult) {
		arguments, _ := json.Marshal(map[string]string{"key": key, "fact": fact})
		result := r.DoAsOperator(t.Context(), Call{Name: "order_status", Arguments: arguments})
		var out lookupResult
		decode(t, result, &out)
		return result, out
	}
	for _, test := range []struct{ key, fact string }{{"47329", "sw1a1aa"}, {"47329", "it is S W 1 A 1 A A"}, {"four seven three two nine", "S W 1 A 1 A A"}, {"47330", "one oh one one five"}} {
		if result, out := look(test.key, test.fact); !out.Found || result.Proved != out.Key || result.IsWrong {
			t.Errorf("%+v: got %+v", test, result)
		}
	}
	_, unknown := look("99999", "10115")
	for _, test := range []struct{ key, fact string }{{"47329", "10115"}, {"47331", ""}, {"47331", " - "}, {"47330", "1011"}, {"47329", "a b c d e f g h i j k l sw1a1aa"}} {
		result, out := look(test.key, test.fact)
		if out.Found || result.Proved != "" || len(out.Record) > 0 || result.IsWrong == out.NeedsFact {
			t.Errorf("%+v: got %+v", test, result)
		}
		if !out.NeedsFact && (out.Found != unknown.Found || out.Fact != unknown.Fact) {
			t.Errorf("a wrong fact differs from an unknown key: %+v and %+v", out, unknown)
		}
	}
	_, known := look("47329", "")
	_, unknown = look("99999", "")
	if !known.NeedsFact || !unknown.NeedsFact || known.Fact != "postcode" {
		t.Errorf("without a fact: %+v and %+v", known, unknown)
	}
	if _, err := OpenLookup(LookupConfig{Name: "o", Description: "d", File: file, Key: "order", Fact: "town"}); err == nil || !strings.Contains(err.Error(), `no column "town"`) {
		t.Errorf("got error %v", err)
	}
}

// writeFiles writes files to a new folder and returns its path.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}
