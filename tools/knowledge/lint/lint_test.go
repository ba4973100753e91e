package lint

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/tools/knowledge"
)

func page(title string, sections ...knowledge.Section) *knowledge.Page {
	return &knowledge.Page{Title: title, Sections: sections}
}

func section(heading, text string) knowledge.Section {
	return knowledge.Section{Path: []string{heading}, Blocks: []string{text}}
}

func TestCheck(t *testing.T) {
	german := "Die Maschine ist mit Wasser zu füllen und der Tank wird von der Seite geöffnet, wenn die Lampe leuchtet. Sie können das Gerät mit der Taste auf dem Deckel ausschalten."
	pages := map[string]*knowledge.Page{
		"good.md": page("Repairs", section("Prices of repairs", "A zip costs 39 €."), section("Warranty", "24 months."),
			section("Period", "The offer is valid until 31 March 2027.")),
		"other.md":      page("Lamps", section("Warranty", "12 months.")), // another subject
		"returns.md":    page("Returns", section("How long can I return things?", "Within 30 days, or for 2 months with a membership.")),
		"terms.md":      page("Terms", section("How long can I return things", "You have 14 days. It costs $5.")),
		"same.md":       page("Rules", section("How long can I return things?", "30 days or 14 days.")),
		"offer.md":      page("Offers", section("Now", "Free shipping until 31 March 2024.")),
		"empty.md":      page("Nothing"),
		"long.md":       page("Long", section("All", strings.Repeat("word ", longSection+1))),
		"de.md":         page("Maschine", section("Betrieb", german)),
		"hidden.md":     page("Quite elsewhere", section("Elsewhere", "Nobody asks.")),
		"sub/linked.md": {Title: "Links", Sections: []knowledge.Section{section("A", "B.")}, Links: []string{"../good.md", "gone.md", "/root.md", "file.zip", "../../out.md"}},
	}
	search := func(_ context.Context, question string, _ int) ([]string, error) {
		if question == "Quite elsewhere" || strings.Contains(question, "Elsewhere") {
			return []string{"good.md"}, nil
		}
		var files []string
		for file := range pages {
			files = append(files, file)
		}
		return files, nil
	}
	found, err := Check(t.Context(), pages, "en-US", time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), search)
	require.NoError(t, err)
	var got []string
	for _, f := range found {
		got = append(got, f.File+": "+string(f.Kind))
	}
	want := []string{
		"de.md: language", "empty.md: no text", "hidden.md: not found", "long.md: too long", "offer.md: stale date",
		"returns.md: contradiction", "sub/linked.md: dead link",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPastDates(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for text, isPast := range map[string]bool{
		"Until 2026-11-28 only":                 true,
		"until 2026-11-29":                      false,
		"gültig bis zum 28.11.2026":             true,
		"bis 3. Dezember 2026":                  false,
		"bis 3. Oktober 2026":                   true,
		"through March 3rd, 2025":               true,
		"ends on 4 July 2027":                   false,
		"until October 2026":                    true,
		"until November 2026":                   false,
		"valid to 2025":                         true,
		"until 2026":                            false,
		"We were founded in 1998.":              false,
		"until 99 Foo 2020":                     false,
		"Order by 5 p.m. to get it by tomorrow": false,
	} {
		if got := pastDates(text, now); len(got) > 0 != isPast {
			t.Errorf("pastDates(%q) = %q, want past: %t", text, got, isPast)
		}
	}
}

func TestLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"You can return everything to our store and we refund the price that you paid, with the receipt of the order.":                 "en",
		"Sie können alles in der Filiale zurückgeben, und wir erstatten den Preis, wenn Sie die Rechnung haben und das Gerät neu ist.": "de",
		"Vous pouvez retourner tous les articles dans le magasin avec la facture et nous vous remboursons le prix, pour une commande.": "fr",
		"Inkwell 300, 49 €, 24 months": "",
	} {
		if got := Language(text); got != want {
			t.Errorf("Language(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("until 99.99.2024 and 1.000,50 € or $5 for 3 days")
	f.Fuzz(func(t *testing.T, text string) {
		pastDates(text, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		Language(text)
		for unit, numbers := range amounts(text) {
			if unit == "" || len(numbers) == 0 {
				t.Errorf("amounts(%q) has %v of the unit %q", text, numbers, unit)
			}
		}
	})
}
