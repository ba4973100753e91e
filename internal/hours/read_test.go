package hours

import (
	"testing"
	"time"
)

func TestReadPlainHours(t *testing.T) {
	for _, c := range []struct{ title, text, want string }{
		{"Store hours", "Our stores open at 9 am and close at 8 pm from Monday to Friday. On Saturday our stores open at 9 am and close at 6 pm. On Sunday our stores open at 11 am and close at 5 pm.",
			"We are open Monday to Friday from 9 am to 8 pm; Saturday from 9 am to 6 pm; Sunday from 11 am to 5 pm."},
		{"Opening hours", "Monday to Friday: 8 a.m. – 12:30 p.m. and 2 – 6 p.m.\nSaturday: closed\nSunday closed", "We are open Monday to Friday from 8 am to 12:30 pm and from 2 pm to 6 pm."},
		{"Hours", "Mon-Thu 9-5, Fri 9-4", "We are open Monday to Thursday from 9 am to 5 pm; Friday from 9 am to 4 pm."},
		{"About us", "We are open every day from 10 am until midnight.", "We are open Monday to Sunday from 10 am to midnight."},
		{"Öffnungszeiten", "Mo bis Fr 8–18 Uhr, Sa 9 bis 13 Uhr, So geschlossen", "We are open Monday to Friday from 8 am to 6 pm; Saturday from 9 am to 1 pm."},
		{"Praxis", "Montags, dienstags und donnerstags ist die Praxis von 8 bis 12 Uhr und von 14 bis 18 Uhr geöffnet. Mittwochs und freitags ist sie von 8 bis 13 Uhr geöffnet.",
			"We are open Monday to Tuesday from 8 am to noon and from 2 pm to 6 pm; Wednesday from 8 am to 1 pm; Thursday from 8 am to noon and from 2 pm to 6 pm; Friday from 8 am to 1 pm."},
		{"Bar", "From 6 pm to 2 am we are open on Friday and Saturday.", "We are open Friday to Saturday from 6 pm to 2 am."},
	} {
		h, named, ok := Read(c.title, c.text, time.UTC)
		if !ok {
			t.Errorf("%q: nothing was read", c.text)
			continue
		}
		if got := h.SayWeek("en"); got != c.want {
			t.Errorf("%q %v: got\n%q, want\n%q", c.text, named, got, c.want)
		}
	}
}

func TestReadIsNotSureOfOtherHours(t *testing.T) {
	for _, c := range [][2]string{
		{"Delivery days", "We deliver Monday to Saturday from 8 am to 8 pm."},
		{"Contact", "A colleague calls you back Monday to Saturday from 8 am to 8 pm."},
		{"Opening hours", "The Berlin shop is open Monday from 9 am to 5 pm. The Hamburg shop is open Monday from 10 am to 6 pm."},
		{"Opening hours", "Ask us."},
		{"Prices", "Open Saturday tickets cost 20 to 30 dollars."},
	} {
		if h, _, ok := Read(c[0], c[1], time.UTC); ok {
			t.Errorf("%q: got %q", c[1], h.SayWeek("en"))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Opening hours", "Mon-Fri 9-5, Sat 9:30 am to noon; Sunday closed")
	f.Fuzz(func(t *testing.T, title, text string) {
		h, named, ok := Read(title, text, time.UTC)
		if !ok {
			return
		}
		now := time.Date(2026, 12, 2, 10, 0, 0, 0, time.UTC)
		if h.SayWeek("en") == "" || h.SayNow("en", now) == "" || named == (Weekdays{}) {
			t.Errorf("%q %q: got nothing to say", title, text)
		}
	})
}
