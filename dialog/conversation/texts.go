package conversation

// What the agent says where neither its folder nor a model gives the words.
const (
	defaultPrompt    = "Are you still there?"
	defaultFarewell  = "Thank you for calling. Goodbye!"
	takeYourTime     = "Of course."
	notUnderstood    = "Sorry, I did not get that. Could you say it another way?"
	callBackPromised = "All right. Your request is noted, and a colleague will call you back."
	nobodyThere      = "I'm sorry, nobody can take your call right now. Your request is noted, and a colleague will call you back."
)

// apologies are said, in turn, when no model answers.
var apologies = []string{
	"I'm sorry, I can't work that out just now. Could you ask me again in a moment?",
	"I'm sorry, something isn't working on my side. Please try once more.",
	"I still can't answer properly, I'm sorry. Please try again a little later.",
}

// What the caller is told, as text, when a part fails.
const (
	hearingLost   = "I can't hear you at the moment. Please type instead; I can read what you write."
	voiceLost     = "My voice isn't working at the moment. You can read my answers here."
	modelLost     = "I have trouble answering at the moment."
	modelSwitched = "My usual knowledge isn't available, so my answers may be simpler for now."
	toolFailed    = "Something I tried to look up or do just now did not work."
	notSaved      = "This conversation can't be saved at the moment. You can go on talking."
)

// lineNoisy is said once in a call in which noise makes the caller hard to understand, by
// language. In other languages it is only shown, in English.
var lineNoisy = map[string]string{
	"en": "There is a lot of noise on the line, so I may misunderstand you. It would help to speak closer to the phone, or from a quieter place.",
	"de": "In der Leitung ist es sehr laut, deshalb verstehe ich Sie vielleicht falsch. Bitte sprechen Sie näher am Telefon oder an einem ruhigeren Ort.",
	"fr": "Il y a beaucoup de bruit sur la ligne, je risque donc de mal vous comprendre. Parlez plus près du téléphone ou dans un endroit plus calme, s'il vous plaît.",
	"es": "Hay mucho ruido en la línea, así que quizá no le entienda bien. Por favor, hable más cerca del teléfono o desde un lugar más tranquilo.",
}
