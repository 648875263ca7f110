//! What a turn is, when it is not simply an answer. Patterns work on lower-case words without punctuation, because
//! transcripts are imperfect. Long turns are answers: what sounds like a request inside them is part of a story.

use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;

/// What the candidate wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    Answer,
    Yes,
    No,
    /// "Hello", "how are you".
    SmallTalk,
    Repeat,
    Rephrase,
    /// "Let me think", "one moment".
    Think,
    Skip,
    DontKnow,
    /// "That's all": the answer is complete.
    Done,
    /// "Can I talk about my last job?"
    MayI,
    /// "Can I ask you something?"
    MayIAsk,
    CanYouHear,
    SoundTrouble,
    Score,
    Decision,
    Recording,
    Identity,
    Duration,
    NextSteps,
    Human,
    /// More time, typing, captions: there already.
    HelpInCall,
    /// Another day, another way: people have to arrange it.
    Accommodation,
    Stop,
    WithdrawConsent,
    OffTopic,
}

/// Longer turns than this are answers.
const LONGEST_REQUEST: usize = 25;

/// Words people begin with before they come to the point.
const OPENERS: &str = "um uh uhm er erm ah oh hm hmm mm well so okay ok yeah sorry hi hello hey emma please actually right \
    and but alright sure yes no like just maybe thanks excuse me";

const ASK: &str = r"(?:(?:could|can|would|will) you (?:please |maybe |just |possibly |perhaps |kindly )*|please |can i (?:ask you to|have you) |would you mind |id like you to |i need you to |may i ask you to |(?:is it|would it be) possible (?:to|for you to) )";
const WANT: &str = r"(?:(?:can|could|may|might) (?:i|we) (?:please |maybe |just |perhaps )*|i (?:want|need|wish|have) to |id (?:like|prefer|rather|love) (?:to )?|i would (?:like|prefer|rather|love) (?:to )?|i prefer to |i wanna |please |let me |lets |is it possible to |would it be possible to |i (?:would|d) rather )";
const PERSON: &str = r"(?:a |an |some |the |your |another )?(?:real |actual |live |human |other )*(?:human|person|people|someone|somebody|recruiter|human being|hr|manager|interviewer|colleague)(?: being| else| from hr| at the company| from the company)?";
const MOMENT: &str = r"(?:a|one|another|a little|some|just a|just one|a few|two|a couple of) (?:more )?(?:bit of )?(?:moment|moments|minute|minutes|second|seconds|sec|secs|bit|time|while)";

/// Asked in this order; the first that fits counts. `WANT` and the like stand for the fragments above.
const PATTERNS: &[(Intent, usize, &[&str])] = &[
    (
        Intent::WithdrawConsent,
        18,
        &[
            r"\bwithdraw (?:my |the )?consent\b",
            r"\b(?:i (?:dont|do not) want|please (?:dont|do not|stop)|stop|i no longer want) (?:to be |you to |this to be |being |me being )?record(?:ed|ing)?\b(?: me| this| the (?:call|interview))?$",
            r"^(?:WANT|ASK)?(?:delete|erase|remove) (?:my|this|the|all (?:my|the)|everything)(?: data| recording| recordings| interview| transcript| call| answers| i said| ive said| of it)*$",
        ],
    ),
    (
        Intent::Human,
        25,
        &[
            r"(?:WANT)(?:talk|speak|chat|be interviewed|do this|do the interview|continue|connect|deal|have (?:this|the) interview|be connected|be transferred)(?: this| it| instead| directly)? (?:to|with|by) PERSON(?:$| (?:instead|please|now|about|for|and|not|rather|before|first|if|because|as|here|today|directly|at|then|over|thanks|thank|emma|on|in|right))",
            r"\b(?:give|get) me (?:a |an )(?:real |actual |live )?(?:human|person)(?: being)?(?:$| (?:instead|please|now|interviewer|on))",
            r"\b(?:dont|do not|wont|not going to) (?:want to |like to |like |wish to )?(?:talk|talking|speak|speaking|be interviewed|being interviewed|do this|interview) (?:to|with|by) (?:a |an |some )?(?:ai|a i|machine|robot|bot|computer|program|chatbot)\b",
            r"^(?:i|id|i would)(?: would)? (?:prefer|rather have|want|like|need) (?:a |an )?(?:real |actual )?(?:human|person|human interviewer|recruiter)(?: instead| please| interviewer| for this)*$",
            r"^(?:a |get me a |give me a )?(?:real |actual )?(?:human|person|human being)(?: please| instead)*$",
            r"^(?:ASK)?(?:connect|transfer|put) me (?:through )?(?:to|with) PERSON",
            r"^(?:can|could|may|would|will) PERSON (?:please )?(?:do|hold|take|conduct|run|ask|interview|call|speak|talk)\b.{0,40}$",
            r"^(?:ASK)?(?:get|bring|call|fetch|find) (?:me )?PERSON\b.{0,40}(?:line|phone|call|here|instead|please|now|talk|in)$",
            r"^is there (?:a |an )?(?:real )?(?:human|person|someone|somebody) (?:i can|to) (?:talk|speak)",
        ],
    ),
    (
        Intent::Accommodation,
        25,
        &[
            r"(?:WANT|ASK)(?:reschedule|postpone)\b(?: this| it| the interview| the call| to \w+| for \w+| another \w+)*$",
            r"(?:WANT)(?:do|have|take|continue|finish|resume) (?:this|it|the interview|the call) (?:at )?(?:another (?:time|day)|later|tomorrow|some other (?:time|day)|next week)\b",
            r"\b(?:this is |its |its really )?(?:not|isnt) a (?:good|great) (?:time|moment) (?:for me|right now|to talk|now)\b",
            r"\b(?:i need|i require|i would need|id need|can i have|could i have|do you (?:have|offer)|i use) (?:a |an |some |any )?(?:sign language|interpreter|accommodations?|reasonable|adjustments?|screen reader)\b",
        ],
    ),
    (
        Intent::HelpInCall,
        25,
        &[
            r"^i (?:have a |do )?(?:stutter|stammer)\b",
            r"(?:i (?:need|might need|may need|would need)|(?:can|could|may) i (?:have|get|take)|give me|id need) (?:some |a bit |a little |a )?(?:more|extra|additional) time\b(?: to answer| for my answers?| because.*| as .*| since .*| please)*$",
            r"(?:can|could|may) i (?:please |also |just )?(?:type|write|text|answer (?:in|by) (?:writing|text|typing)|use (?:the )?(?:text|chat|keyboard|captions))\b(?: my answers?| it| instead| that| here| please| the answers?| them| to you| down)*$",
            r"\b(?:im|i am) (?:a bit |a little |partly |partially )?(?:hard of hearing|deaf)\b",
            r"\b(?:are there|do you have|can i (?:have|see|get)|could i (?:have|see|get)|turn on) (?:the )?(?:captions|subtitles|a transcript)\b",
        ],
    ),
    (
        Intent::Stop,
        14,
        &[
            r"^(?:WANT)(?:please |now )?(?:stop|end|quit|finish|leave|cancel|abort|hang up|drop out)(?: here| now| this| it| the (?:interview|call|conversation)| please| right| of| today| for)*$",
            r"^(?:please )?(?:stop|end|quit|cancel)(?: the| this)? (?:interview|call|conversation)(?: here| now| please)*$",
            r"^(?:please )?(?:stop|quit|exit)(?: it| this| now| please| here)*$",
            r"\b(?:ive got|i have|i need|i got) to (?:go|leave|hang up)(?: now| right now| sorry)*$",
            r"^i (?:really )?(?:dont|do not) want to (?:continue|go on|do this|proceed)(?: anymore| any longer| any more| with this| the interview)*$",
            r"^(?:im leaving|im out|i quit|good ?bye|bye|bye bye)(?: now| emma| then)*$",
            r"\b(?:id like to |i (?:want to |would like to )?)withdraw (?:my application|from the process)\b",
        ],
    ),
    (
        Intent::CanYouHear,
        10,
        &[
            r"^(?:can|do) you (?:even |still |actually )?hear me\b",
            r"^are you (?:still )?there$",
            r"^(?:is (?:anybody|anyone) there|test(?:ing)?(?: test(?:ing)?)*|mic(?:rophone)? (?:check|test)|is (?:this|my mic(?:rophone)?|it) (?:on|working))",
        ],
    ),
    (
        Intent::SoundTrouble,
        16,
        &[
            r"\b(?:i (?:cant|cannot|can not|can hardly|can barely|couldnt) (?:really |quite )?hear you|you(?:re| are| were)? (?:are |is )?(?:breaking|cutting|broke|cut) (?:up|out|off)|you(?:r voice)? (?:is|are|was|were) (?:breaking|cutting|choppy|very quiet|too quiet|not clear)|(?:the|your) (?:sound|audio|connection|voice|line) (?:is|was|keeps|got) (?:bad|breaking|cutting|choppy|poor|gone|broken|terrible|too quiet|very quiet|unclear))",
            r"^(?:ASK)?(?:speak|talk|go) (?:a bit |a little )?(?:slower|louder|more slowly|slowly|up)(?: please| a bit)*$",
            r"^you(?:re| are) (?:speaking |talking )?too (?:fast|quiet|quick)",
        ],
    ),
    (
        Intent::Repeat,
        18,
        &[
            r"(?:^|(?:ASK))(?:repeat|repeating)(?: please| that| it| this| the| your| last| previous| first| second| question| questions| sentence| part| thing| what you (?:just )?(?:said|asked)| again| once more| one more time| for me| yourself)*$",
            r"(?:^|(?:ASK))(?:say|saying|ask|asking|read) (?:that|it|this|the (?:last |previous )?(?:question|part|thing|bit|sentence)|what you said) (?:again|once more|one more time|another time)\b",
            r"^(?:come again|say again|one more time|once more|once again|again|the question again|the question)(?: please)?$",
            r"^(?:i )?(?:didnt|did not|couldnt|could not|cant|cannot|dont think i) (?:quite |really |fully )?(?:hear|caught|catch|get)(?: that| you| it| what you (?:just )?(?:said|asked)| the| your| last| first| part| question| of| all)*(?: sorry| please| can you .*| could you .*)*$",
            r"^what (?:was|is) (?:the|your) (?:last |previous )?question(?: again)?$",
            r"^whats the question(?: again)?$",
            r"^what (?:did|were) you (?:just )?(?:ask|asking|say|saying)(?: again| me)*$",
            r"^what was that(?: again)?$",
            r"^i (?:think i )?missed (?:that|it|the question|what you said|your question|the (?:last|first) part)",
            r"^i forgot (?:the|your) question",
        ],
    ),
    (
        Intent::Rephrase,
        16,
        &[
            r"(?:^|(?:ASK|WANT))(?:rephrase|reword|reformulate|simplify)(?: that| it| the| your| question| this| please| for me)*$",
            r"(?:^|(?:ASK))(?:put|say|ask|explain|phrase|word|express) (?:that|it|this|the question) (?:differently|(?:in )?(?:an)?other ways?|a different way|in a different way|in other words|more simply|in simpler words|simpler|more clearly|in simple (?:words|terms))",
            r"^(?:i am|im) (?:not (?:really |quite |entirely )?sure|unsure) (?:what you (?:mean|want|are asking)|i (?:understand|understood|follow|get)|what (?:that|the question) means)",
            r"\bwhat (?:exactly )?(?:do|did) you mean(?: with| by)?\b(?: that| this| it| the| exactly| here| \w+)*$",
            r"^what (?:does|is) (?:that|it|this|the question) mean(?:t)?\b",
            r"^what (?:exactly )?(?:do you want|are you (?:asking|looking for|after))\b",
            r"^i (?:really )?(?:dont|didnt|do not|did not) (?:really |quite |fully )?(?:understand|follow|understood|get what)(?: that| it| the| your| this| what| you| mean| question| are| asking| said| want)*(?: sorry| please| can you .*| could you .*)*$",
            r"(?:^|(?:ASK))(?:explain|clarify)(?: that| it| the| your| question| this| please| a bit| more| what you mean| again| for me)*$",
            r"^(?:ASK)(?:be|make it) (?:a bit |a little )?(?:more specific|clearer|simpler)$",
            r"^(?:the question|that|it) (?:is|was|isnt|wasnt) (?:not )?(?:unclear|clear|confusing)(?: to me)?$",
            r"^im (?:a bit |a little )?confused(?: by the question)?$",
        ],
    ),
    (
        Intent::Think,
        16,
        &[
            r"^(?:WANT)?(?:(?:let me|allow me to|i (?:need|have|want) to) (?:just )?(?:think|reflect|consider|remember|recall|see)|give me MOMENT|(?:can|could|may) i (?:have|take|get) MOMENT|(?:ill|i) (?:need|would need|will need|just need) MOMENT|(?:need|take|taking) MOMENT|(?:one|just a|just one|a|wait a|hold on a|give me a) (?:moment|second|minute|sec)|hold on|hang on|wait(?: wait)*|im (?:still |just )?thinking|still thinking|thinking|let me think about (?:that|it))(?: please| to think| think| about (?:that|it|this|the question)| for MOMENT| of (?:a |an )?(?:good |suitable )?(?:example|one|case)| here| now| MOMENT| let me think| wait| hm| um)*$",
            r"^(?:thats|that is|this is|its) an? (?:really |very )?(?:good|hard|tough|difficult|tricky|interesting|great) (?:question|one)(?: let me .{0,40}| um| hm| give me .{0,30}| i need .{0,30}| hold on)*$",
            r"^(?:good|tough|hard|interesting|tricky) (?:question|one)(?: let me .{0,40})*$",
        ],
    ),
    (
        Intent::MayIAsk,
        14,
        &[
            r"^(?:can|could|may|might) i (?:just |please |quickly |also )*ask(?: you)?(?: a| an| one| some| something| another| few| quick| question| questions| thing| about something| first| before.*)*$",
            r"^i (?:also |just )?(?:have|had|got) (?:a|one|some|another|a few|a couple of|two|an) (?:quick |other )?questions?(?: for you| too| about something| first| actually| please)*$",
        ],
    ),
    (
        Intent::Skip,
        16,
        &[
            r"\b(?:id|i would|i) (?:really )?(?:rather|prefer|like) (?:not|to not)(?: to)? (?:answer|say|talk|discuss|go into|tell|comment|share|speak)\b",
            r"^(?:id |i would |i )?(?:rather|prefer) not(?: to)?(?: please)?$",
            r"(?:WANT)(?:please )?(?:skip|pass on|pass|move on|go on|leave out|jump over)(?: this| that| it| the| one| question| to| next| please| with| from| now)*$",
            r"^(?:skip|pass|next|move on|next question|next one|skip it)(?: please| it| this| that| one| question| the| to| next)*$",
            r"^i (?:really )?(?:dont|do not|wont|will not|am not going to) (?:want to |wish to |like to )?(?:answer|talk about|discuss|go into|comment on|say anything about)(?: that| this| it| the| question| one| now)*$",
            r"^no comment$",
            r"^i refuse\b.{0,30}$",
        ],
    ),
    (
        Intent::DontKnow,
        14,
        &[
            r"^(?:honestly |to be honest |unfortunately |im sorry )*i (?:really |honestly |actually |unfortunately )*(?:dont|do not|wouldnt|would not) (?:really |actually )?know(?: sorry| that| this| the answer| it| how| what to say| anything about (?:that|it|this)| what| about that| to be honest| honestly| right now| really| how to answer.*)*$",
            r"^(?:i have |ive |got |ive got )?(?:no idea|no clue|absolutely no idea)(?: sorry| about that| honestly| really| how| at all)*$",
            r"^(?:im |i am )?(?:really |honestly )?not (?:so |really |quite )?sure(?: sorry| honestly| about that| really| what to say| how to answer.*)*$",
            r"^i (?:cant|cannot|can not|couldnt|could not) (?:really |currently |honestly )?(?:think of|remember|recall|come up with)(?: one| any| anything| an?| single| example| examples| that| right now| at the moment| now| such| situation| case| like| something)*$",
            r"^(?:nothing|none)(?: really)? comes to (?:my )?mind(?: right now| sorry)*$",
            r"^(?:ive never|i (?:have never|havent|have not|never))(?: really| ever)? (?:done|had|used|worked with|worked on|been in|experienced|tried|did|heard of)(?: that| this| it| one| any| anything| something| like| such| a| situation| before| with| of| yet| \w+)*$",
            r"^i (?:dont|do not) (?:really |actually )?have (?:any |an |one |much |a )?(?:experience|example|examples|idea|answer|one)(?: with| in| of| for| that| this| it| about| such| like| any| \w+)*$",
            r"^i have no (?:real )?(?:experience|example|answer|knowledge)(?: with| in| of| for| that| this| it| about| \w+)*$",
        ],
    ),
    (
        Intent::Done,
        10,
        &[
            r"^(?:thats|that is|that would be|that was) (?:it|all|about it|everything|my answer|basically it|pretty much it)(?: really| i think| from my side| from me| for now| i guess| thank you)*$",
            r"^(?:im|i am) (?:done|finished|through)(?: with .{0,25})?$",
            r"^(?:nothing|nothing else|nothing more|no more)(?: to add| from me| from my side)+$",
            r"^(?:thats|that is) all i (?:have|can|wanted to).*$",
        ],
    ),
    (
        Intent::Score,
        16,
        &[
            r"\bdid i (?:pass|do (?:well|ok|okay|good|alright)|fail|get (?:it|the job))\b",
            r"^how (?:did|am|have) i (?:do|doing|done|performed|perform)\b",
            r"\bwhat(?:s| is| was| will be) my (?:score|result|rating|grade|results)\b",
            r"^(?:do|will|did|have) i (?:get|got|gotten) (?:the job|hired|an offer|accepted)\b",
            r"^am i (?:hired|through|a (?:good )?(?:fit|match)|getting the job|in|qualified|suitable)\b",
            r"^(?:have|did) i (?:passed|failed|fail)\b",
            r"^(?:how )?(?:was|is) (?:that|my answer|this) (?:right|correct|ok|okay|good|a good answer|alright|the right answer|enough|what you wanted.*)?$",
            r"^what are my chances\b",
            r"^how many (?:points|marks|stars) (?:did|do|will|does) (?:i|that|this|my|it)\b",
            r"^(?:can|could|will|would) you (?:please )?(?:promise|guarantee|assure|confirm)(?: me)? (?:that )?(?:i|me|a|an|the)\b",
            r"\bam i (?:better|worse|more (?:qualified|suitable)) than (?:the )?(?:others?|other candidates|anyone|everybody|everyone)\b",
            r"\bam i (?:getting|going to get) (?:the|this) (?:job|role|position)\b",
            r"^(?:what do|did) you (?:think of|like) my answers?\b",
        ],
    ),
    (
        Intent::Decision,
        16,
        &[
            r"^who (?:decides|makes the decision|will (?:decide|see|read|listen|review|hear|evaluate|look)|is going to (?:decide|see|read|review)|reads|reviews|evaluates)\b",
            r"^(?:do|will) you (?:decide|make the decision|choose)\b",
            r"^how (?:do|will|are|is|am|does) (?:you|i|my answers?|this|it|the (?:interview|answers)) (?:be )?(?:score|scored|rate|rated|evaluate|evaluated|judge|judged|assess|assessed|graded|grade)\b",
        ],
    ),
    (
        Intent::Recording,
        18,
        &[
            r"^(?:is this|are you|am i|is it|are we|is the (?:call|interview|conversation)|will this be|do you) (?:being |be )?(?:record|recorded|recording)\b",
            r"^who (?:has access to|can see|can hear|can listen|listens|gets) (?:to )?(?:this|the|my|it)\b",
            r"^what (?:happens|will happen|do you do) (?:to|with) (?:my|the|this) (?:data|recording|answers?|interview|transcript|information|voice)\b",
            r"^how long (?:do you|will you|is|are) (?:keep|store|my|the) .{0,30}(?:data|recording|transcript|kept|stored)",
        ],
    ),
    (
        Intent::Identity,
        14,
        &[
            r"^are you (?:a |an |really a |actually a )?(?:real |actual )?(?:human|person|robot|bot|ai|a i|machine|computer|chatbot|chat ?gpt|program|real|artificial.*)\b(?: or .{0,30})?$",
            r"^(?:who|what) are you(?: exactly| really)?$",
            r"^(?:whats|what is) your name$",
            r"^am i (?:talking|speaking) (?:to|with) (?:a |an )?(?:real |actual )?(?:human|person|ai|a i|machine|robot|bot|computer)\b",
            r"^are you (?:chat ?gpt|siri|alexa)\b",
        ],
    ),
    (
        Intent::Duration,
        14,
        &[
            r"^how long (?:will|does|is|should) (?:this|it|the (?:interview|call|conversation|whole thing))(?: going to)?(?: take| last| be| interview| call)*$",
            r"^how much (?:longer|more time)\b",
            r"^how many (?:more )?questions\b.{0,30}$",
            r"^how much time (?:do i|do we|is left|will this)\b",
            r"^are (?:there|we) (?:many|a lot of|almost|nearly) (?:more )?(?:questions|done|finished|through)\b",
        ],
    ),
    (
        Intent::NextSteps,
        16,
        &[
            r"\bwhat (?:happens|will happen) (?:next|now|after (?:this|the interview|that))\b",
            r"\b(?:what are|tell me) (?:the|about the) next steps\b",
            r"^(?:what(?:s| is) )?(?:the )?next steps?$",
            r"\bwhen (?:will|do|can|should) i (?:hear|know|get|expect|be (?:told|contacted|informed))\b",
            r"^(?:will|how will) (?:i|you|they|someone) (?:hear|be contacted|contact me|get back)\b",
        ],
    ),
    (
        Intent::OffTopic,
        16,
        &[
            r"\b(?:whats|what is|hows|how is) the weather\b",
            r"\btell me (?:a|another) (?:joke|story)\b",
            r"\bsing (?:me )?a song\b",
            r"^(?:what|do you know what) time is it\b",
            r"^(?:whats|what is|who is|whos) your (?:favou?rite|hobby)\b",
            r"^do you (?:like|love|dream|sleep|eat|have (?:feelings|a (?:boyfriend|girlfriend|soul))|feel|believe|know (?:any|a) (?:joke|jokes|song))\b",
            r"^are you (?:married|single|alive|conscious|happy|lonely|free tonight)\b",
            r"^where do you live\b",
            r"^(?:whats|what is) the (?:capital of|meaning of life)\b",
            r"^(?:ASK)?write (?:me )?(?:a|some) (?:poem|song|code|story|essay)\b",
            r"^(?:did you (?:see|watch)|who won|who (?:do you think )?will win)\b.{0,40}(?:game|match|election|world cup|cup)\b",
        ],
    ),
    (
        Intent::MayI,
        20,
        &[
            r"^(?:can|could|may|should|shall) i (?:also |just |maybe )*(?:talk|speak|tell|use|give|mention|answer|take|choose|pick|include|draw|describe|start|share|refer)\b",
            r"^do you (?:mean|want me to|want an|need an)\b",
            r"^does it (?:have to|need to|matter|count)\b",
            r"^(?:is|would) it (?:be )?(?:ok|okay|fine|alright|possible) (?:if i|to (?:talk|use|mention|speak|give))\b",
            r"^(?:in|at|with|from) (?:my|which) (?:current|last|previous|present|project|job) ?(?:job|role|company|position)?$",
            r"^(?:any|which) (?:project|example|job|kind|one)\b.{0,20}$",
        ],
    ),
    (
        Intent::SmallTalk,
        12,
        &[
            r"^(?:how are you(?: doing)?|hows it going|how do you do|nice to (?:meet|talk to|speak (?:to|with)) you|pleased to meet you|good (?:morning|afternoon|evening|day))(?: today| emma| how are you| doing| too| im (?:fine|good|well)| thank you| and you)*$",
            r"^(?:im|i am) (?:fine|good|well|great|doing (?:fine|good|well|great))(?: thank you| thanks| and you| how are you| today| and| yourself)*$",
        ],
    ),
    (
        Intent::No,
        12,
        &[
            r"^(?:no|nope|nah|not really|no thanks|no thank you|not at the moment|not now|not yet|nothing|nothing else|none|im good|im fine|i think (?:thats|that is) (?:it|all)|no (?:more |other )?questions?|(?:i )?(?:dont|do not) (?:think so|have any|have (?:any )?(?:more |other )?questions?)|dont|negative|i(?: do)? not|i dont want to)(?: thanks| thank you| that is all| thats all| thats it| im (?:good|fine|ok)| for now| right now| really| at the moment| sorry| no| i (?:dont|do not)(?: have)?(?: any)?(?: more)?(?: questions?)?| everything (?:is|was) clear| its fine| emma| to)*$",
        ],
    ),
    (
        Intent::Yes,
        12,
        &[
            r"^(?:yes|yeah|yep|yup|sure|of course|absolutely|definitely|certainly|ok|okay|alright|all right|fine|please do|please|go ahead|correct|right|exactly|thats (?:right|me|correct|fine|ok|okay)|sounds good|im ready|i am ready|ready|lets (?:go|start|begin|do it|do this|continue|go on)|continue|go on|i am|i do|i would|why not|perfect|great|good|yes i)(?: yes| please| sure| lets| go| start| begin| im| i am| i| am| ready| do| would| like| that| continue| on| of course| ok| okay| thank you| thanks| emma| fine| it| good| to| want| with| great| ahead| thats| me| correct| we| can| now)*$",
        ],
    ),
];

static COMPILED: LazyLock<Vec<(Intent, usize, Vec<Regex>)>> = LazyLock::new(|| {
    let fill = |pattern: &str| {
        let pattern = pattern
            .replace("ASK", ASK)
            .replace("WANT", WANT)
            .replace("PERSON", PERSON)
            .replace("MOMENT", MOMENT);
        Regex::new(&pattern).expect("fixed pattern")
    };
    PATTERNS
        .iter()
        .map(|(intent, words, all)| (*intent, *words, all.iter().map(|p| fill(p)).collect()))
        .collect()
});

/// What this turn is, taken by itself.
pub fn of(utterance: &str) -> Intent {
    let whole = plain(utterance);
    let words = whole.split_whitespace().count();
    if words == 0 || words > LONGEST_REQUEST {
        return Intent::Answer;
    }
    // "Sorry?", "Pardon?", "What?" are openers of longer requests too.
    if [
        "sorry",
        "pardon",
        "pardon me",
        "what",
        "excuse me",
        "huh",
        "what sorry",
        "sorry what",
        "i beg your pardon",
        "come again",
    ]
    .contains(&whole.as_str())
    {
        return Intent::Repeat;
    }
    if words <= 3
        && [
            "hello",
            "hi",
            "hey",
            "hello emma",
            "hi emma",
            "hey emma",
            "hi there",
            "hello there",
            "hello hello",
        ]
        .contains(&whole.as_str())
    {
        return Intent::SmallTalk;
    }
    // "No, that's all" is a no; without its first word it would be the end of an answer.
    let refused = whole.starts_with("no")
        && COMPILED.iter().any(|(intent, longest, patterns)| {
            *intent == Intent::No && words <= *longest && patterns.iter().any(|p| p.is_match(&whole))
        });
    if refused {
        return Intent::No;
    }
    let core = without_openers(&whole);
    // A tail such as "..., thanks" or "... please" never changes what is meant.
    let core = core
        .trim_end_matches(" thanks")
        .trim_end_matches(" thank you")
        .trim_end_matches(" emma");
    for (intent, longest, patterns) in COMPILED.iter() {
        let fits = |text: &str| !text.is_empty() && patterns.iter().any(|p| p.is_match(text));
        if words <= *longest && (fits(core) || fits(&whole)) {
            return *intent;
        }
    }
    Intent::Answer
}

/// The words after "um, so, well".
pub fn without_openers(whole: &str) -> &str {
    let mut rest = whole;
    loop {
        if let Some(tail) = ["im sorry ", "i am sorry ", "thank you "]
            .iter()
            .find_map(|polite| rest.strip_prefix(polite))
        {
            rest = tail;
            continue;
        }
        let (first, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        if tail.is_empty() || !OPENERS.split_whitespace().any(|opener| opener == first) {
            return rest;
        }
        rest = tail;
    }
}
