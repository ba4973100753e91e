package eval

import (
	"strings"
	"testing"
)

func TestWaysOfWritingAreNotWordErrors(t *testing.T) {
	for _, tt := range []struct{ said, transcript string }{
		{"where is my order number four seven three two nine", "Where is my order number 47329?"},
		{"where is my order number four seven three two nine", "Where is my order number 47,329?"},
		{"ticket t one zero four two", "ticket T-1042."},
		{"ten forty two", "1042"},
		{"one thousand and forty two", "1,042"},
		{"one hundred five", "105"},
		{"a hundred and seven is one hundred and seven", "a hundred and seven is 107"},
		{"seven oh seven", "707"},
		{"three double zero five", "3005"},
		{"it should be forty five dollars", "It should be $45."},
		{"forty five dollars and ninety cents", "$45.90"},
		{"twenty percent", "20%"},
		{"june third twenty twenty seven", "June 3, 2027"},
		{"the twenty first of june", "The 21st of June"},
		{"the third and the twelfth", "the 3rd and the 12th"},
		{"at nine thirty p m", "at 9:30 p.m."},
		{"i can't log in by email", "I cant login by e-mail."},
		{"my email is j o h n at example dot com", "My email is John@example.com"},
		{"it's m a r y dot s m i t h at example dot org", "It's Mary.Smith@example.org."},
		{"uh my order is um late", "My order is late"},
		{"uh huh", "Uh-huh."},
		{"okay i recognize the colour of the centre", "OK. I recognise the color of the center"},
		{"alright good bye", "All right, goodbye!"},
	} {
		if e := CompareWords(tt.said, tt.transcript); e.Total() != 0 || e.Words == 0 {
			t.Errorf("%q, understood as %q: %+v", tt.said, tt.transcript, e)
		}
	}
}

func TestWordErrorsAreTheFewestEdits(t *testing.T) {
	for _, tt := range []struct {
		said, transcript string
		want             WordErrors
	}{
		{"where is my order", "", WordErrors{4, 0, 4, 0}},
		{"", "where is it", WordErrors{0, 0, 0, 3}},
		{"where is my order", "Where's my order, please", WordErrors{4, 1, 1, 1}},
		{"four seven three", "483", WordErrors{3, 1, 0, 0}},
		{"forty five dollars", "$54", WordErrors{3, 2, 0, 0}},
		{"yes", "no way", WordErrors{1, 1, 0, 1}},              // words written apart are two words
		{"log in now", "lock him now", WordErrors{3, 2, 0, 0}}, // and one written together is not fewer errors
		{"login", "lock him", WordErrors{1, 1, 0, 1}},
	} {
		if got := CompareWords(tt.said, tt.transcript); got != tt.want {
			t.Errorf("%q, understood as %q: %+v, want %+v", tt.said, tt.transcript, got, tt.want)
		}
	}
}

func TestSpokenFactsAreComparedAsToolsReadThem(t *testing.T) {
	for _, tt := range []struct {
		said, transcript string
		kind             factKind
		exact            bool
	}{
		{"order eight eight one five zero", "Order 88150.", number, true},
		{"order eight eight one five zero", "Order 8815.", number, false},
		{"ticket t nine five", "ticket t ninety five", number, true},
		{"i have two questions", "I have 2 questions", noFact, false},
		{"my email is j o h n at example dot com", "My email is john@example.com", email, true},
		{"my email is j o h n at example dot com", "My email is joan@example.com", email, false},
		{"it's m a r y dot s m i t h at example dot org", "It's M-A-R-Y dot Smith at example dot org", email, true},
		{"meet me at the dot", "meet me at the dot", noFact, false},
	} {
		if kind, exact := compareFact(tt.said, tt.transcript); kind != tt.kind || exact != tt.exact {
			t.Errorf("%q, understood as %q: %v, %v", tt.said, tt.transcript, kind, exact)
		}
	}
}

func FuzzCompareWords(f *testing.F) {
	f.Add("uh 1042nd @b.cd $1.50", "j o h n")
	f.Add("000000000", "double zero")
	f.Fuzz(func(t *testing.T, said, transcript string) {
		if len(said)+len(transcript) > 300 {
			return
		}
		if e := CompareWords(said, said); e.Total() != 0 {
			t.Errorf("%q differs from itself: %+v", said, e)
		}
		e := CompareWords(said, transcript)
		if e.Substituted+e.Deleted > e.Words || e.Words > 20*len(said) || min(e.Substituted, e.Deleted, e.Inserted) < 0 {
			t.Errorf("%q, %q: %+v", said, transcript, e)
		}
		if strings.TrimSpace(said) == "" && e.Words > 0 {
			t.Errorf("%q has %d words", said, e.Words)
		}
	})
}
