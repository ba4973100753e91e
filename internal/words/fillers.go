package words

// Fillers differ by what is decided about them, so there is a set for each decision.
var (
	// Hesitations at the end of an utterance show that the caller goes on.
	Hesitations = NewSet("uh um er erm uhm ah hm hmm eh mm")
	// RequestFillers are dropped before a request is matched with rules.
	RequestFillers = NewSet("uh um uhm er erm ah hmm hm mm well basically")
	// NumberFillers do not end a number that is being read out.
	NumberFillers = NewSet("uh um uhm er erm hmm dash hyphen minus then and comma")
	// noise says nothing by itself; recognizers also hear it where nobody speaks.
	noise = NewSet("uh um er erm ah a the and but so well i you though both oh")
)
