package gate

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// section returns the section of docs/tools.md about the gate.
func section(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/tools.md")
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(doc), "\n## The effect gate\n")
	text, _, hasNext := strings.Cut(text, "\n## ")
	if !ok || !hasNext {
		t.Fatal("docs/tools.md has no section about the effect gate")
	}
	return text
}

func TestDocumentedRulesAreTheTable(t *testing.T) {
	_, text, _ := strings.Cut(section(t), "| rule | a call is refused unless | code |\n|---|---|---|\n")
	text, _, _ = strings.Cut(text, "\n\n")
	rows := strings.Split(text, "\n")
	if len(rows) != len(rules) {
		t.Fatalf("%d rules are documented, want %d", len(rows), len(rules))
	}
	for i, row := range rows {
		if name := strings.TrimSpace(strings.Split(row, "|")[1]); name != rules[i].name {
			t.Errorf("rule %d is documented as %q, want %q", i+1, name, rules[i].name)
		}
	}
}

func TestDocumentedLimitsAreTheDefaults(t *testing.T) {
	text := section(t)
	number := func(n int) string {
		if n == unlimited {
			return "none"
		}
		return fmt.Sprint(n)
	}
	for name, effect := range map[string]Effect{"read": Read, "write": Write, "money": Money, "communication": Communication} {
		l := defaultLimits[effect]
		want := fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |", name, number(l.Turn), number(l.Session), number(l.Caller), number(l.Hour), number(l.Wrong))
		if !strings.Contains(text, want) {
			t.Errorf("docs/tools.md lacks the row %s", want)
		}
	}
}

func TestDocumentedCodesExist(t *testing.T) {
	codes := map[string]bool{string(NotVerified): true, string(NotSaid): true}
	source, err := os.ReadFile("../../internal/fault/fault.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`Code = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		codes[m[1]] = true
	}
	_, text, _ := strings.Cut(section(t), "**Rules.**")
	text, _, _ = strings.Cut(text, "**Limits.**")
	found := regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(text, -1)
	if len(found) < 5 {
		t.Fatalf("%d codes are documented", len(found))
	}
	for _, m := range found {
		if !codes[m[1]] {
			t.Errorf("docs/tools.md names the code %s, which does not exist", m[1])
		}
	}
}
