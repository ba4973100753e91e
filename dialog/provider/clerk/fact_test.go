package clerk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/require"
	"frontdesk/tools"
)

func TestCallerProvesThatARecordIsTheirs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orders.csv")
	require.NoError(t, os.WriteFile(file, []byte("order,status,postcode\n47329,shipped,SW1A 1AA\n"), 0o600))
	orders, err := tools.OpenLookup(tools.LookupConfig{Name: "order_status", Description: "Finds an order.", File: file, Key: "order", Fact: "postcode"})
	require.NoError(t, err)
	registry, err := tools.NewRegistry(orders)
	require.NoError(t, err)
	for _, test := range []struct {
		says []string
		want string
	}{
		{[]string{"where is my order 47329"}, "To be sure that it is yours, please tell me the postcode."},
		{[]string{"where is my order 47329", "it is S W 1 A 1 A A"}, "Order 4 7 3 2 9 was shipped."},
		{[]string{"where is my order 47329", "S W 2 A 1 A A"}, "I can't find order 4 7 3 2 9 with that. To be sure that it is yours, please tell me the postcode."},
		{[]string{"where is my order 47329", "S W 2 A 1 A A", "sorry S W 1 A 1 A A"}, "Order 4 7 3 2 9 was shipped."},
		{[]string{"where is my order 99999", "S W 1 A 1 A A"}, "I can't find order 9 9 9 9 9 with that."},
		{[]string{"where is my order 47329", "I don't know"}, "All right."},
		{[]string{"where is my order 47329", "yes"}, "Yes, please go ahead. To be sure that it is yours, please tell me the postcode."},
		{[]string{"where is my order", "four seven three two nine", "S W 1 A 1 A A"}, "Order 4 7 3 2 9 was shipped."},
	} {
		c := newConversation(t, registry)
		got := ""
		for _, said := range test.says {
			got = c.say(said)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.says, got, test.want)
		}
	}
}
