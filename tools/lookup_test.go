package tools

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/fault"
)

const orders = "\ufeffOrder , item,status\n47329,\"Lamp, brass\",shipped\n#88-150,Toaster,\n"

func openTable(t testing.TB, content, key string) (*Table, string, error) {
	t.Helper()
	file := filepath.Join(write(t, map[string]string{"orders.csv": content}), "orders.csv")
	table, err := OpenLookup(Lookup{Name: "order_status", Description: "Finds an order.", File: file, Key: key})
	return table, file, err
}

func lookUp(t testing.TB, table *Table, key string) found {
	t.Helper()
	arguments, _ := json.Marshal(map[string]string{"key": key})
	var out found
	decode(t, registry(t, table).Do(t.Context(), Call{Name: "order_status", Arguments: arguments}), &out)
	return out
}

func TestLookupFindsARowByWhatWasSaid(t *testing.T) {
	table, _, err := openTable(t, orders, "Order")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"47329", "order number four seven three two nine", "4 7 3 2 9", "#47-329"} {
		got := lookUp(t, table, key)
		if !got.Found || got.Key != "47329" || got.Say != "4 7 3 2 9" || got.Record["item"] != "Lamp, brass" || got.Record["status"] != "shipped" {
			t.Errorf("%q gives %+v", key, got)
		}
	}
	got := lookUp(t, table, "double eight one five oh")
	if _, there := got.Record["status"]; !got.Found || there || got.Record["Order"] != "#88-150" {
		t.Errorf("the second row is %+v", got)
	}
	for key, understood := range map[string]string{"12345": "12345", "": "", "no idea": ""} {
		if got := lookUp(t, table, key); got.Found || got.Key != understood {
			t.Errorf("%q gives %+v", key, got)
		}
	}
}

func TestLookupByLettersIgnoresCaseAndMarks(t *testing.T) {
	table, _, err := openTable(t, "code,plan\nAB-12,Basic\nÇD 7,Plus\n", "code")
	if err != nil {
		t.Fatal(err)
	}
	for key, plan := range map[string]string{"ab12": "Basic", "A B 1 2": "Basic", "cd-7": "Plus"} {
		if got := lookUp(t, table, key); got.Record["plan"] != plan || got.Say != "" {
			t.Errorf("%q gives %+v", key, got)
		}
	}
}

func TestBadTablesAreNamed(t *testing.T) {
	for content, says := range map[string]string{
		"":                          "empty",
		"item,status\na,b\n":        `no column "order"; it has item, status`,
		"order,item\n1,a\n2\n":      "line 3",
		"order,item\n1,\"a\n":       "line",
		"order,order\n1,2\n":        "different name",
		"order,\n1,2\n":             "different name",
		"order,item\n1,a\n,b\n":     "empty key in row 3",
		"order,item\n47,a\n4-7,b\n": "twice, again in row 3",
		"order,item\n1,caf\xe9\n":   "UTF-8",
		"order\n" + strings.Repeat("x", 9) + "\"\n": "line 2",
	} {
		_, _, err := openTable(t, content, "order")
		if err == nil {
			t.Errorf("%.30q is taken", content)
			continue
		}
		if f := fault.From(err); f.Code != fault.Invalid || !strings.Contains(f.Message, says) || !strings.Contains(f.Message, "orders.csv") {
			t.Errorf("%.30q gives %q, want %q", content, f.Message, says)
		}
	}
	if _, err := OpenLookup(Lookup{Name: "x", File: filepath.Join(t.TempDir(), "none.csv"), Key: "a"}); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
		t.Errorf("a missing file gives %v", err)
	}
	if _, err := OpenLookup(Lookup{Name: "Not a name"}); err == nil {
		t.Error("a bad name is taken")
	}
	big := filepath.Join(t.TempDir(), "big.csv")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxTable+1); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLookup(Lookup{Name: "x", File: big, Key: "a"}); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a huge file gives %v", err)
	}
}

func TestChangedTableIsReadAgain(t *testing.T) {
	table, file, err := openTable(t, "order,status\n1,packed\n", "order")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		status := func() string { time.Sleep(checkInterval); return lookUp(t, table, "1").Record["status"] }
		writeFile(t, file, "order,status\n1,shipped\n")
		time.Sleep(time.Until(table.nextCheck)) // a bubble's clock starts in the past
		if got := status(); got != "shipped" {
			t.Errorf("after a change it is %q", got)
		}
		writeFile(t, file, "order,status\n1\n")
		if got := status(); got != "shipped" || table.Problem() == nil {
			t.Errorf("while the file is broken it is %q, problem %v", got, table.Problem())
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if got := status(); got != "shipped" || table.Problem() == nil {
			t.Errorf("while the file is gone it is %q, problem %v", got, table.Problem())
		}
		writeFile(t, file, "order,status\n1,delivered\n")
		if got := status(); got != "delivered" || table.Problem() != nil {
			t.Errorf("after it was mended it is %q, problem %v", got, table.Problem())
		}
	})
}

func FuzzTable(f *testing.F) {
	for _, content := range []string{orders, "a\n1\n", "a,b\n1,\"x\ny\"\n", "a;b\n", "\"", "a\n\x00\n", "a\nOne\nTwo\n"} {
		f.Add([]byte(content), "a")
	}
	f.Fuzz(func(t *testing.T, content []byte, key string) {
		rows, err := parseTable(content, key)
		if err != nil {
			return
		}
		for k, row := range rows.byKey {
			if k == "" || len(row) != len(rows.columns) {
				t.Errorf("row %q under %q of %q", row, k, rows.columns)
			}
		}
	})
}
