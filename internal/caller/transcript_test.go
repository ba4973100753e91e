package caller

import "testing"

func TestReplyOmitsAResponseThatWasReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		replies []*reply
		want    string
	}{
		"one":                {[]*reply{{text: "We are open.", status: "completed"}}, "We are open."},
		"two steps":          {[]*reply{{text: "One moment.", status: "completed"}, {text: "It is here.", status: "completed"}}, "One moment. It is here."},
		"cut and said again": {[]*reply{{text: "We are", status: "cancelled"}, {text: "We are open.", status: "completed"}}, "We are open."},
		"interrupted":        {[]*reply{{text: "We are", status: "cancelled"}}, "We are"},
		"none":               {nil, ""},
	} {
		if got := (&turn{replies: test.replies}).reply(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
