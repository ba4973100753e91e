package endpoint

import "frontdesk/internal/words"

var (
	questionWords = words.NewSet("what what's when when's where where's which who who's whose why how how's")
	places        = words.NewSet("where where's")
	auxiliaries   = words.NewSet("is are was were do does did can could will would should may have has am isn't aren't don't doesn't didn't can't couldn't won't")
	pronouns      = words.NewSet("i you he she it we they that this")
	determiners   = words.NewSet("the my your our a an this that these those some its his her their")
	conjunctions  = words.NewSet("if when because since although though while unless once after before")
	// leadIns precede the sentence proper.
	leadIns = words.NewSet("hello hi hey sorry okay ok so well yes yeah no oh and but please just um uh er right then also excuse me good morning afternoon evening actually")
)

// Last words.
var (
	// openEnds can hardly be the last word of a turn.
	openEnds = words.NewSet(`and or but so because if when while that which who whose than the a an my your his her our their its this these
		to of in on at for from with by about into between under over after before until as like is are was were am be been
		has have had i'm it's i've i'd we're they're he's she's there's i we he she can could will would should might must
		very really quite just also then maybe actually well not every any called need want get`)
	// strandedEnds may end a question: "who is it from".
	strandedEnds = words.NewSet("to of in on at for from with by about into over is are was open like")
	// demonstrativeEnds may end a question, too: "can you repeat that".
	demonstrativeEnds = words.NewSet("that this these those")
	// embeddedEnds may end a question within a sentence: "which plan I have".
	embeddedEnds = words.NewSet("is are was were have has need want do did can get")
	// particles belong to a particle verb before them: "I can't log in".
	particleVerbs = words.NewSet("log logged logging sign signed signing turn turns turned switch moved come came send sent")
	particles     = words.NewSet("in on over")
	closings      = words.NewSet("please thanks goodbye bye you")
)

// What the caller says.
var (
	answers  = words.NewSet("yes yeah yep yup no nope sure okay ok right correct exactly absolutely please thanks thank you not really don't that's it all nothing else uh-huh fine good great perfect hello hi bye goodbye wait stop hold on a one second moment minute just uh huh")
	refusals = words.NewSet("no nope not nothing that's it all thanks thank goodbye bye wait stop hold")
	wishes   = words.NewSet("want need like wish hope wonder wondering wanted calling looking trying please interested help")
	troubles = words.NewSet(`not never still wrong damaged broken broke twice stopped forgot lost can't won't don't doesn't didn't isn't hasn't haven't wasn't but problem again instead yet recognize know understand sure
		never locked crash crashes crashed leak leaks leaking error fail fails failed missing late slow freezes frozen expired declined rejected cracked dead empty`)
	// imperatives begin a request: "cancel my order", "let me speak to somebody".
	imperatives = words.NewSet("connect stop give tell send open create cancel close check let put transfer show help call change reset find get make take explain repeat add remove update track talk speak")
	firsts      = words.NewSet("first firstly")
	seconds     = words.NewSet("second secondly then")
	// narrators begin a story about the caller, storyThings one about a thing.
	narrators   = words.NewSet("i i've we we've")
	storyThings = words.NewSet("my the it")
	askers      = words.NewSet("i you we")
)

// What questions are about.
var (
	numbered = words.NewSet("number order ticket account zip code postcode phone telephone invoice reference tracking")
	phones   = words.NewSet("phone telephone mobile cell")
	mails    = words.NewSet("email e-mail mail address letter")
	// explanations are words of questions that want more than one thing as the answer.
	explanations = words.NewSet("help happened happens wrong problem tell describe explain why do")
	quantities   = words.NewSet("many much long old often")
)
