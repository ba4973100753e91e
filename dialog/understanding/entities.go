package understanding

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	maxEntities = 12 // of a turn
	maxValue    = 80 // bytes
	minOrder    = 4  // digits
	maxOrder    = 12
	minPhone    = 7 // digits
	orderReach  = 5 // words between "order" and its number
)

var (
	email  = regexp.MustCompile(`(?i)[a-z0-9._%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+`)
	number = regexp.MustCompile(`\+?\d[\d ()/-]{5,}\d`)
	amount = regexp.MustCompile(`(?i)[$€£]\s?\d+(?:[.,]\d{1,3})*|\b\d+(?:[.,]\d{1,3})*\s?(?:€|\$|£|euros?\b|dollars?\b|dólares\b|dolares\b|pounds?\b|pfund\b|livres\b|libras\b|francs?\b|franken\b|francos\b|eur\b|usd\b|gbp\b|chf\b)`)
	months = `(?:january|february|march|april|may|june|july|august|september|october|november|december|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)`
	date   = regexp.MustCompile(`(?i)\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\.\d{1,2}\.(?:\d{2,4}\b)?|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b` + months + ` \d{1,2}(?:st|nd|rd|th)?\b|\b\d{1,2}(?:st|nd|rd|th|er)?\.? (?:of |de )?` + months +
		`(?:\s|$|[.,!?])|\b(?:today|tomorrow|yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|heute|gestern|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|aujourd['’]hui|demain|hier|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|hoy|ayer|lunes|martes|miércoles|miercoles|jueves|viernes|sábado|sabado|domingo)\b`)
	ticketName   = regexp.MustCompile(`(?i)\btickets?\b|\btique\b|\b(?:t|tee|tea)[ -]*\d`)
	orderWords   = words.NewSet("order orders bestellung bestellnummer auftrag auftragsnummer commande pedido orden")
	productNames = words.NewSet("product item article model produkt artikel produit producto articulo")
)

// entities returns what the caller named. before is what the agent had said last.
func entities(text, before string) (out []dialog.Entity) {
	add := func(kind dialog.EntityKind, value string) {
		e := dialog.Entity{Kind: kind, Value: words.Clip(strings.Trim(strings.TrimSpace(value), ".,!?"), maxValue)}
		if e.Value != "" && len(out) < maxEntities && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	order := orderNumber(text, before)
	if id, ok := tools.ParseTicketID(text); ok && (order == "" || ticketName.MatchString(text)) && isTicketNumber(id, text, before) {
		add(dialog.EntityTicket, id.String())
	}
	add(dialog.EntityOrder, order)
	for _, e := range email.FindAllString(text, maxEntities) {
		add(dialog.EntityContact, strings.ToLower(e))
	}
	for _, a := range amount.FindAllString(text, maxEntities) {
		add(dialog.EntityAmount, a)
	}
	rest := text
	for _, d := range date.FindAllString(text, maxEntities) {
		add(dialog.EntityDate, d)
		rest = strings.Replace(rest, d, " ; ", 1)
	}
	for _, n := range number.FindAllString(rest, maxEntities) {
		digits := strings.Map(func(r rune) rune {
			if r == '+' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, n)
		if len(digits) >= minPhone && digits != order && !slices.ContainsFunc(out, func(e dialog.Entity) bool { return e.Value == "T-"+digits }) {
			add(dialog.EntityContact, digits)
		}
	}
	return out
}

// isTicketNumber reports whether a number that may be a ticket's is one: a short number alone is
// one only if the agent or the caller speaks of tickets.
func isTicketNumber(id tools.TicketID, text, before string) bool {
	return len(id.String()) == len("T-48291532") || ticketName.MatchString(text) || ticketName.MatchString(before)
}

// orderNumber returns the number that the caller gives for an order, or "". A number alone is one
// if the agent has just asked for it.
func orderNumber(text, before string) string {
	said, found := words.FindNumbers(text)
	if len(found) == 1 && orderWords.HasAny(words.Split(words.Fold(before))) && !ticketName.MatchString(text) {
		if n := found[0]; len(n.Digits) >= minOrder && len(n.Digits) <= maxOrder && n.Start <= orderReach && len(said)-n.End <= 2 {
			return n.Digits
		}
	}
	for _, n := range found {
		if len(n.Digits) < minOrder || len(n.Digits) > maxOrder {
			continue
		}
		for i := max(0, n.Start-orderReach); i < n.Start; i++ {
			if orderWords[said[i]] {
				return n.Digits
			}
		}
	}
	return ""
}

// products returns the products that the results of tools name.
func products(outputs []json.RawMessage) (out []dialog.Entity) {
	for _, output := range outputs {
		var value any
		if json.Unmarshal(output, &value) == nil {
			out = appendProducts(out, value)
		}
	}
	return out[:min(len(out), maxEntities)]
}

func appendProducts(out []dialog.Entity, value any) []dialog.Entity {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			out = appendProducts(out, inner)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			text, isText := v[key].(string)
			e := dialog.Entity{Kind: dialog.EntityProduct, Value: words.Clip(text, maxValue)}
			switch {
			case !isText:
				out = appendProducts(out, v[key])
			case productNames[strings.ToLower(key)] && text != "" && !slices.Contains(out, e):
				out = append(out, e)
			}
		}
	}
	return out
}
