package clerk

import "regexp"

// intent is what a caller wants with an utterance or a part of it.
type intent int

const (
	inquiry intent = iota // a question for the knowledge base
	wordless
	greeting
	thanks
	goodbye
	backchannel
	yes
	no
	repeat
	holdOn
	stopTalking
	neverMind
	objection
	complaint
	wantPerson
	areYouRobot
	announcement // of a question
	abilities
	newTicket
	ticketStatus
	closeTicket
	noteTicket
	recordStatus // of something with a number, such as an order
	giveContact
	emergency
)

// rule recognizes an intent by its wording. The first rule that matches decides.
type rule struct {
	intent    intent
	pattern   *regexp.Regexp
	exception *regexp.Regexp // excludes texts that pattern matches; may be nil
	isFolded  bool           // see matchFolded
}

func match(i intent, pattern string) rule {
	return rule{intent: i, pattern: regexp.MustCompile(pattern)}
}

// except returns the rule with an exception.
func (r rule) except(pattern string) rule {
	r.exception = regexp.MustCompile(pattern)
	return r
}

func (r rule) matches(plain string) bool {
	if r.isFolded {
		plain = folded(plain)
	}
	return r.pattern.MatchString(plain) && (r.exception == nil || !r.exception.MatchString(plain))
}

const (
	staff   = `(?:person|people|human|humans|agent|agents|representative|rep|manager|supervisor|someone|somebody|anyone|anybody|operator|colleague|advisor|adviser|staff|boss|employee|specialist|technician|real one|customer service|support team|team member)`
	polite  = `(?:(?:please|now|then|thanks|thank you|right now|just|for a|a|me|here|so much|very much|okay|ok|yes|no|oh|hi|hello|hey) )*`
	ending  = `(?: (?:please|now|then|thanks|thank you|for me|so much|very much|there|sir|madam|a lot|instead|again))*$`
	filed   = `(?:ticket|tickets|case|support request)`
	problem = `(?:problem|issue|fault|bug|error|incident|defect)`
)

// englishRules match the plain text of an utterance.
var englishRules = []rule{
	match(emergency, `\b(?:on fire|caught fire|in flames|is burning down|smoke (?:is )?(?:coming|everywhere)|smell(?:s|ing)? (?:of |like )?(?:gas|smoke|something burning)|gas leak|electric(?:al)? shock|electrocuted|can not breathe|not breathing|heart attack|having a stroke|unconscious|bleeding (?:a lot|heavily|badly)|overdose|kill myself|suicid\w*|(?:somebody|someone|he|she) is (?:badly )?(?:hurt|injured|dying)|this is an emergency|it is an emergency|emergency please help)\b`),
	match(neverMind, `^(?:(?:no|okay|ok|oh|actually|wait|thanks|thank you|please|you know what|just) )*(?:never mind|nevermind|forget (?:it|about it|that|the ticket)|do not bother|leave it|drop it|do not (?:open|create|make) (?:a|the|any) ticket|no ticket|i changed my mind|skip it|forget all that)(?: .*)?$`),
	match(neverMind, `^`+polite+`cancel that`+ending),
	match(repeat, `\b(?:repeat (?:that|it|this|yourself|the last|what you)|say (?:that|it) (?:again|once more|one more time)|come again|pardon(?: me)?`+ending+`|what did you (?:just )?say|did not (?:catch|hear|get|understand) (?:that|you|it|what you)|(?:can|could) not (?:hear|understand) you|could you repeat|can you repeat|repeat please|(?:say|speak|talk|read|repeat|go) (?:that |it |this |again |please |a |bit |little |more |much )*(?:slowly|slower|louder|clearly))\b|^(?:please |a |bit |little |much |more |and |once )*(?:slower|slowly|louder)`+ending+`|^(?:sorry what|what|excuse me|sorry|pardon|once more|again|one more time)`+ending),
	match(areYouRobot, `\b(?:are you|is this|am i (?:talking|speaking) (?:to|with)) (?:a |an |really |the )*(?:robot|bot|machine|computer|human|real person|real human|ai|recording|answering machine|automated|person)\b`),
	match(wantPerson, `\b(?:talk|talking|speak|speaking|chat|connect|transfer|put|get|pass|hand|forward|switch|reach|want|need|give|let|have|like|prefer|rather|call|find|ask for|escalate)\b.*\b`+staff+`\b`).
		except(`\b(?:can|could|would|should|does|do|will|may) (?:someone|somebody|anyone|anybody|a technician|a person)\b|\bsomeone (?:else|stole|used|is using|took|hacked)\b|\b(?:need|give|get|let) (?:a |an )?(?:order|anyone know)\b`),
	match(wantPerson, `\b(?:connect|transfer|put|pass|forward|hand|speak|talk|escalate)\b (?:me |this |my call |us |with |to |through |over )+(?:\w+ )?(?:billing|support|sales|refunds|repairs|department|team|service|customer care|accounts|accounting|someone|somebody|a)\b`),
	match(wantPerson, `^`+polite+`(?:(?:a|an|the|real|live|human) )*(?:agent|human|person|representative|operator|manager|supervisor|human being|customer service|real person)`+ending),
	match(wantPerson, `\bcall me (?:back|tomorrow|(?:on |next )?(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b|\bcallback\b|\bcall back please\b|\breal (?:person|human)\b|\bhuman being\b|\bsome(?:one|body) (?:here |there )?(?:i|we) (?:can|could) (?:talk|speak)\b`),

	match(closeTicket, `\b(?:close|cancel|delete|resolve|remove|withdraw|shut)\b.*\b`+filed+`\b`),
	match(closeTicket, `\b(?:close|cancel|delete|resolve)\b.*\bt (?:\d+|zero|one|two|three|four|five|six|seven|eight|nine)\b`),
	match(noteTicket, `\b(?:add|append|note|attach|write|put)\b.*\b(?:to|on|in|into)\b.*\b`+filed+`\b|\bupdate (?:my|the|this) `+filed+`\b`),
	match(newTicket, `\b(?:open|opening|create|creating|make|file|filing|raise|raising|submit|log|start|register|set up|write|issue|put in|need|want|have|get)\b (?:me |up |us )*(?:a|an|one|another|new|the|some|support|trouble|service|repair| )* ?\b`+filed+`\b`).
		except(`\b(?:opened|created|have|had|already)\b.*\b(?:last|yesterday|ago|number|already|status|news)\b|\bnews\b|\bstatus\b`),
	match(newTicket, `\b(?:report|reporting|log|register|notify you of|tell you about|complain about|raise|submit)\b (?:you )?(?:a |an |some |another |the )?(?:\w+ )?`+problem+`s?\b`),
	match(newTicket, `^`+polite+`(?:new )?ticket`+ending),
	match(newTicket, `\b(?:make|file|submit|lodge|raise) (?:a |an )?(?:formal |official )?complaint\b`),
	match(ticketStatus, `\b(?:status|news|update|updates|progress|state|happening|happened|hear|heard|check|checking|look|looking|look up|about|where|what|how|has|have|is|was|number|any|know|solved|resolved|fixed|follow up|following up|tell)\b.*\b`+filed+`\b`).
		except(`\bhow (?:can|do|could|would|should) (?:i|you|we)\b|\bwhat is a ticket\b`),
	match(ticketStatus, `\b`+filed+`\b.*\b(?:status|news|update|number|yet|going|done|is)\b|\b(?:opened|created|made|filed|raised)\b.*\b`+filed+`\b|^`+polite+`(?:my |the |it is |for )*`+filed+` (?:number )?(?:t|tea|tee|\d|zero|one|two|three|four|five|six|seven|eight|nine)\b`),

	match(ticketStatus, `\bt (?:\d+|zero|one|two|three|four|five|six|seven|eight|nine)\b`).except(`\bat\b|\bdot\b`),

	match(objection, `\bnot what i (?:asked|meant|said|wanted|want|need|was asking|am asking)\b|\b(?:misunderstood|misunderstand|misheard|you got (?:that|it|me) wrong|that is (?:not right|wrong|incorrect|not correct|not it|not true)|i did not (?:say|ask|mean) that|wrong answer|that does not answer)\b|^(?:no )+no$|^(?:no )+(?:that is |it is )?(?:wrong|not|incorrect|not right|not correct)(?: that| it)?$|^(?:wrong|incorrect)$`),
	match(complaint, `\b(?:not helping|not helpful|does not help|did not help|is not working for me|unhelpful|useless|ridiculous|terrible|awful|horrible|unacceptable|waste of (?:my )?time|waste of time|frustrated|frustrating|annoying|annoyed|angry|fed up|disappointed|disgrace|disgusting|stupid|rubbish|worst|sick of|poor service|bad service|going in circles|not understanding me|do not understand me|never understand)\b`),

	match(goodbye, `\b(?:bye|goodbye|byebye|good bye|see you|have a (?:nice|good|great) (?:day|one|evening|weekend|night)|talk to you later|hang up|hanging up|end the call|end call)\b`),
	match(goodbye, `^(?:(?:no|okay|ok|great|perfect|thanks|thank you|yes|good|alright|all right|right|nope) )*(?:that is|that was|that would be|that will be|this is) (?:all|it|everything)(?: (?:i (?:need|needed|wanted|want)|for (?:now|today)|for now|thank you|thanks|then|from me))*$`),
	match(goodbye, `^(?:(?:no|okay|ok|great|perfect|thanks|thank you) )*(?:nothing (?:else|more)|i am (?:done|good|all set|fine)|all (?:good|set)|no more questions|i have no more questions|no further questions)`+ending),
	match(thanks, `^(?:(?:okay|ok|great|perfect|wonderful|good|excellent|brilliant|awesome|alright|all right|right|yes|cool|lovely|fine|super|oh|and|fantastic|amazing|got it) )*(?:thanks|thank you|cheers|many thanks|much appreciated|i appreciate (?:it|that|your help)|appreciate it)(?: (?:so|very|much|a|lot|for|your|the|that|you|help|helping|helps|info|information|again|really|kindly|me|was|is|helpful|great|ever|time|assistance|is helpful|was helpful|this|it|all|quick|answer|it helps))*$`),

	match(stopTalking, `^(?:(?:no|okay|ok|wait|please|hey|oh|just|hold on) )*(?:stop|shut up|be quiet|quiet|silence|enough|stop it|stop talking|stop there|please stop|that is enough)(?: (?:stop|please|now|talking|there|it|that|wait|for a (?:second|moment|minute)))*$`),
	match(holdOn, `^(?:(?:okay|ok|please|sorry|yes|no|oh|just|hey|can you|could you|and|right|alright|uhhuh) )*(?:wait|hold on|hang on|hold|one (?:moment|second|sec|minute)|a (?:moment|second|minute|sec)|just a (?:moment|second|minute|sec)|give me (?:a|one) (?:moment|second|minute|sec)|bear with me|hold the line|not so fast|let me (?:think|check|see|look|find|get|grab|just).*|i (?:need|have) to (?:find|look|get|check|think|look for) (?:it|that|the number|my|for).*|i am (?:looking|searching|checking|thinking).*)(?: (?:please|for|a|one|second|moment|minute|sec|there|on|wait|hold|just|let me (?:check|think|look|see|find).*|i am (?:looking|searching|checking|thinking).*|i (?:need|have) to .*|while i .*|to .*|me))*$`),
	match(greeting, `^(?:(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|yes|oh|okay|greetings|howdy|yo|is|are|you|anyone|anybody|someone|somebody|there|can you hear me|do you hear me|still|how are you|can|hear|me|this|thing|on|working|the line|test|testing|doing|today|how|alright|um) ?)+$`).
		except(`^(?:yes|okay|alright|oh|you|me|can you|is this|there|on|is|are you|today|how|this|this thing|still|working|can|yes okay|okay yes|oh okay|oh yes|yes yes|okay okay|yes it is|yes you can)$`),
	match(announcement, `^`+polite+`(?:i (?:have|got|have got) (?:a |an |some |another |one more |two |a few |just a )*(?:quick )?(?:question|questions|problem|problems|issue|issues)|(?:can|may|could) i ask (?:you )?(?:a question|something|another question|one more thing)|(?:can|could) you help me|help me|i need (?:some |your |a bit of )*help|(?:another|one more) (?:question|thing)|i (?:want|would like) to ask (?:you )?(?:a question|something))(?: out)?(?: with (?:something|it|that|this))?`+ending),
	match(abilities, `\bwhat (?:can|could|do) you (?:do|help|offer|know|answer)(?: .*)?$|\bwhat (?:can|could) i (?:ask|say)(?: .*)?$|^(?:help|what are my options)`+ending),

	match(yes, `^(?:oh |and |well )*(?:yes|yeah|yep|yup|yah|sure|of course|please do|please|correct|exactly|absolutely|definitely|certainly|affirmative|that is (?:right|correct|true|fine|it|good)|go ahead|do it|do that|i would|i do|sounds good|that would be (?:great|nice|good|fine|lovely|helpful)|why not|you may|indeed|it is|let us do that|go for it|okay please|ok please|okay yes|ok yes|okay do (?:it|that)|okay go ahead|all right do that)\b`).
		except(`^(?:please|sure|correct|of course|yes|yeah|okay|well|oh|i do)\b(?: \S+){4,}$|^(?:please|i do|i would|it is|do it|correct) \S+ \S+`),
	match(no, `^(?:oh |and |well |sorry |i am afraid )*(?:no|nope|nah|not really|not now|not yet|no thanks|no thank you|negative|i do not think so|it is not|that is not|do not|not at the moment|not today|rather not|not necessary|not needed|i would rather not|i am (?:fine|good|okay|ok))\b`).
		except(`^no\b(?: \S+){6,}$`),
	match(backchannel, `^(?:(?:uhhuh|mhm|mhmm|mmhm|okay|ok|right|alright|all right|i see|got it|go on|cool|great|fine|good|yeah|understood|i understand|makes sense|nice|perfect|oh|ah|aha|sure|interesting|wow|really|continue|wonderful|excellent|sounds good|good to know|hmm) ?)+$`),
}
