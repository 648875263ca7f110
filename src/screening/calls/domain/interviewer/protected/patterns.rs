//! What somebody may tell of themselves that plays no part in hiring, by category, and how it is said. Words in capitals
//! stand for the fragments at the end.

/// One kind of such facts.
pub struct Category {
    pub anywhere: &'static [&'static str],
    /// Only where the statement ends with it: before a mark, a joining word, or at the end.
    pub ending: &'static [&'static str],
    /// Only where a name follows.
    pub named: &'static [&'static str],
}

pub const CATEGORIES: [&Category; 10] = [
    &AGE,
    &GENDER,
    &FAMILY,
    &ORIGIN,
    &RELIGION,
    &HEALTH,
    &BODY,
    &RECORD,
    &AFFILIATION,
    &PAY,
];

const AGE: Category = Category {
    anywhere: &[
        r"(?:IM|i(?: just| have|ve|ll| will)? turn(?:ed|ing)?) ADV*AGE (?:years? old|years of age)",
        r"IM ADV*in (?:my|the) (?:early |mid |late )*(?:twenties|thirties|forties|fifties|sixties|seventies|[2-7]0s)",
        r"at (?:the age of )?AGE i(?:m| am| was)",
        r"i(?:m| am) (?:W )?(?:older|younger) than (?:your|the|most|other)",
        r"my age|my (?:date of birth|birth ?date|birthday|birth year|year of birth)",
        r"i was born (?:in|on|before|after|during|at|near)|im born in|born in YEAR i",
        r"i graduated (?:W ){0,6}?in YEAR|i (?:finished|left|started|completed|got|did) (?:W )?(?:school|college|university|uni|degree|diploma|studies|bachelors|masters|phd) (?:W ){0,5}?in YEAR",
        r"(?:IM|i graduated|i finished|my) (?:W ){0,3}?class of (?:YEAR|\d\d)",
        r"IM ADV*(?:retired|semi retired|pensioner|close to retir\w+|near retirement|about to retire)|as a pensioner",
    ],
    ending: &[
        r"IM ADV*AGE",
        r"i(?: just| have|ve|ll| will)? turn(?:ed|ing)? AGE",
        r"i(?:ll| will)? retire",
    ],
    named: &[],
};

const GENDER: Category = Category {
    anywhere: &[
        r"IM ADV*(?:gay|lesbian|bisexual|pansexual|asexual|homosexual|heterosexual|transgender|transsexual|queer|non ?binary|intersex|gender ?fluid|agender)",
        r"IM ADV*trans (?:man|woman|person|guy|girl)",
        r"IM (?:W )?the only (?:woman|man|girl|female|male)",
        r"as (?:a|an) (?:QUAL )*(?:woman|female|lesbian|gay|queer|bisexual|trans|transgender|non ?binary)",
        r"i came out as|i transitioned in YEAR|i identify as|since my transition|my (?:sexual orientation|sexuality|sexual identity|gender identity|pronouns)",
        r"i use (?:she|he|they)(?: and)? (?:her|him|them)(?: pronouns)?",
    ],
    ending: &[r"IM ADV*(?:QUAL )*(?:woman|man|female|male|lady|trans)", r"my gender"],
    named: &[],
};

const FAMILY: Category = Category {
    anywhere: &[
        r"IM ADV*(?:pregnant|(?:W ){1,2}pregnant|expecting (?:a |my |our |my first |our first |twins)*(?:baby|child|twins|daughter|son)|unmarried|divorced|divorcing|remarried|widowed|childless|breast ?feeding)",
        r"IM ADV*(?:married|engaged to (?:be married|my|a))",
        r"(?:i|we)(?: have|ve| just| recently)* (?:got|getting|get|been) (?:married|divorced|engaged)|(?:i|we)(?: recently)? separated from my (?:partner|ex|husband|wife)|i never married",
        r"IM (?:ADV|QUAL )*(?:mother|father|mom|mum|dad|parent|grandmother|grandfather) (?:of|to) (?:NUM|a|an|my|our|young|small|twins|triplets)",
        r"IM (?:ADV|QUAL )*single (?:mother|father|mom|mum|dad|parent)",
        r"as a (?:single |young |new |older |working )+(?:mother|father|mom|mum|dad|parent)",
        r"my (?:husband|wife|spouse|boyfriend|girlfriend|fiancee?|ex (?:husband|wife)|kids|children|baby|babies|newborn|toddler|sons?|daughters?|stepson|stepdaughter|grandchildren|pregnancy|marriage|divorce|wedding|(?:mother|father|parents) in law|(?:little|baby) (?:boy|girl))",
        r"our (?:son|daughter|kids|children|twins|newborn|toddler|first child|second child|baby) (?:is|are|was|were|has|goes|went|needs|starts|started|came)",
        r"(?:my|our) (?:maternity|paternity|parental) leave",
        r"(?:i|we)(?:ve| have| am|m| are|re| would| d)? (?:want|plan|planning|hope|hoping|try|trying|like)(?: to)?(?: have| start| for)+ (?:a |more |some |our )?(?:first )?(?:kids|children|child|baby|family)",
        r"i(?:m| am|ve been|was| was| am going| will be| went| took| take) (?:on|just back from|back from) (?:my )?(?:maternity|paternity|parental) leave",
        r"(?:i|we) (?:just )?(?:gave birth|had a (?:baby|miscarriage)|adopted a (?:child|baby|boy|girl|son|daughter))|(?:my|our) fertility treatment|IM (?:having|in|on) fertility treatment|birth of my",
        r"after (?:my|our) (?:first|second|third|last|youngest|W)? ?(?:child|baby|son|daughter) (?:was|came|is)",
        r"i(?:m| am) due in (?:january|february|march|april|may|june|july|august|september|october|november|december)",
    ],
    ending: &[
        r"(?:ive got|ive|i have|i got|i had|we have|weve got|we got) (?:QUANT )*(?:kids?|child|children|daughters?|sons?|bab(?:y|ies)|toddlers?|twins|triplets|newborn|grandchildren)",
        r"IM (?:ADV|QUAL )*(?:mother|father|mom|mum|dad|parent|widow|widower|grandmother|grandfather)",
        r"as (?:a|an) (?:mother|father|mom|mum|dad|parent|widow|widower)|my child",
        r"(?:my|our) childcare|our (?:kids|children|twins|baby)",
    ],
    named: &[],
};

const ORIGIN: Category = Category {
    anywhere: &[
        r"IM ADV*(?:refugee|asylum seeker|immigrant|undocumented|naturali[sz]ed|biracial|mixed race|latina|latino|latinx|hispanic|indigenous|native american|african american|asian american|person of colou?r|first generation)",
        r"IM ADV*(?:black|white|asian|brown) (?:woman|man|person|guy|girl)",
        r"IM ADV*(?:half |part )?NATION (?:citizen|national|by birth|by descent|born|descent|origin|man|woman|person|immigrant)",
        r"IM ADV*of (?:W )?(?:descent|origin|heritage|ancestry|colou?r)",
        r"as (?:a|an) (?:W )?(?:refugee|immigrant|foreigner|migrant)",
        r"IM ADV*(?:originally from|(?:originally )?from COUNTRY|from [a-z]+ originally)",
        r"i (?:come|came|fled|emigrated|immigrated|moved here)(?: here)? from COUNTRY|i (?:emigrated|immigrated)|i come from an? W (?:family|background) of (?:faith|immigrants)",
        r"i grew up in (?:COUNTRY|(?:a|an|the) (?:W ){0,3}?(?:village|town|city|suburb|ghetto|country))|i was (?:born and )?raised in",
        r"my (?:parents|family|mother|father|grandparents|grandmother|grandfather|ancestors) (?:is|are|was|were|come|comes|came|fled|emigrated|immigrated)(?: W)? from",
        r"my (?:nationality|ethnicity|citizenship|ancestry|ancestors|race (?:is|was)|skin colou?r|mother tongue|native (?:language|tongue|country)|home country|country of (?:birth|origin)|immigration status)",
        r"my first language (?:is|was) LANGUAGE|LANGUAGE is (?:my|not my) (?:native|first|second|third|mother) (?:language|tongue)",
        r"IM ADV*native (?:LANGUAGE )?speaker|native speaker of LANGUAGE|i (?:grew up speaking|speak LANGUAGE (?:natively|at home|with my)|(?:learned|learnt) LANGUAGE (?:at home|as a (?:child|kid)|from my|with my))",
        r"IM (?:not )?(?:a |an )?(?:us |uk |eu |american |dual )?citizen(?: of|ship)?|i(?:ve)? (?:became|become) (?:a |an )?(?:W )?citizen",
        r"i (?:have|hold|carry|got) (?:a |an |my |the )?(?:dual |double |NATION )?(?:citizenship|nationality)|i (?:have|hold|carry|got) (?:a |an )NATION passport|my NATION (?:passport|roots|background|heritage|family)",
    ],
    ending: &[
        r"IM ADV*(?:half |part )?(?:NATION|black|white|asian|african|arab|roma)",
        r"my passport",
    ],
    named: &[r"i grew up (?:in|near|outside|around)"],
};

const RELIGION: Category = Category {
    anywhere: &[
        r"IM (?:ADV|QUAL )*(?:muslim|christian|catholic|jewish|jew|hindu|buddhist|atheist|agnostic|protestant|sikh|mormon|evangelical|lutheran|religious|orthodox (?:christian|jew)|jehovahs witness)",
        r"i was (?:raised|brought up)(?: as)?(?: a| an)? (?:muslim|christian|catholic|jewish|hindu|buddhist|atheist|protestant|sikh|mormon|orthodox|religious)|i (?:converted to|practi[sc]e) (?:islam|christianity|judaism|hinduism|buddhism|catholicism)",
        r"as (?:a|an) (?:QUAL )*(?:muslim|christian|catholic|jew|jewish|hindu|buddhist|sikh|mormon|atheist)",
        r"my (?:religion|religious|faith|church|mosque|synagogue|temple|parish|congregation|rabbi|imam|priest|pastor|prayers?)",
        r"i (?:go to|attend|belong to|sing in|serve in|preach in|volunteer at) (?:the |a |my |our |W )?(?:church|mosque|temple|synagogue|parish)",
        r"i pray (?:W )?(?:times|every|each|daily|before|on|at|to|with|for)|i fast (?:during|on|for|in)|(?:during|in|for) ramadan i",
        r"i (?:keep|observe|celebrate) (?:the )?(?:sabbath|shabbat|kosher|halal|ramadan|lent|eid|hanukkah|yom kippur|passover|diwali)",
        r"i wear (?:a |my |the )?(?:hijab|headscarf|turban|kippah?|yarmulke|veil|niqab|crucifix)|i (?:cant|cannot|dont|do not|wont|will not|never) (?:W ){1,5}?for religious reasons",
    ],
    ending: &[r"i pray(?: regularly| often| daily| a lot)?"],
    named: &[],
};

const HEALTH: Category = Category {
    anywhere: &[
        r"IM ADV*(?:disabled|autistic|dyslexic|bipolar|diabetic|epileptic|asthmatic|neurodivergent|paraplegic|quadriplegic|hiv positive|colou?r ?blind|legally blind|visually impaired|hearing impaired|partially sighted|hard of hearing|chronically ill|mentally ill|terminally ill|schizophrenic|immunocompromised|infertile|recovering (?:alcoholic|addict)|alcoholic)",
        r"IM ADV*(?:on|taking|off) (?:W )?(?:antidepressants?|insulin|chemo\w*|dialysis|painkillers|ssris?|beta blockers|blood thinners|sick leave|medical leave)",
        r"IM ADV*in (?:remission|a wheelchair)",
        r"i(?:ve| have)? (?:take|took|taken|need|been on) (?:W )?(?:antidepressants?|insulin|ritalin|adderall|lithium|painkillers|ssris?|prozac|xanax|an inhaler)",
        r"i(?:ve| have)? (?:use|used|sit in|rely on|need|wear) (?:a |an |my |two )?(?:wheelchair|walking stick|crutches|hearing aids?|pacemaker|prosthe\w+|guide dog)",
        r"(?:IM|ive been|i have been|i got|i was) (?:W )?diagnosed|i (?:suffer|suffered|am recovering|recovered) from (?:W ){0,2}?ILLNESS|(?:IM living|i live) with ILLNESS|i survived (?:W )?ILLNESS",
        r"i(?:ve got|ve had|ve| have| had| got) (?:a |an |some )?(?:severe |chronic |mild |bad |long |serious |W )?(?:disability|disabilities|chronic (?:illness|disease|pain)|mental (?:illness|health (?:issues?|problems?|condition))|health (?:issues?|problems?|condition)|(?:heart|kidney|liver|lung|thyroid|skin) (?:condition|disease|attack|transplant)|eating disorder|panic attacks|long covid|stutter|stammer|miscarriage|abortion|a burnout)",
        r"i(?:ve got|ve had|ve| have| had| got) (?:severe |chronic |mild |bad )*(?:adhd|epilepsy|multiple sclerosis|dyslexia|ptsd|ocd|bipolar|hiv|asperger\w*|crohns|lupus|arthritis|endometriosis|fibromyalgia|schizophrenia|leuk\w+)",
        r"i (?:stutter|stammer)|my (?:disability|medication|meds|illness|therapist|psychiatrist|psychologist|doctor|surgery|chemo\w*|mental health|health (?:problems?|issues?|condition)|blood pressure|depression|anxiety|autism|adhd|dyslexia|epilepsy|asthma|diabetes|cancer|wheelchair|hearing aids?|bad (?:back|knee)|back pain)",
        r"i(?:ve)? (?:see|saw|seen|am seeing|was seeing) (?:a |my )(?:therapist|psychiatrist|psychologist|counsell?or|oncologist)",
        r"i(?:ve)? (?:had|have had|need|needed) (?:W ){0,2}?(?:surgery|transplant|chemotherapy|hysterectomy)|i lost my (?:hearing|sight|eyesight|vision|leg|arm)",
        r"i had (?:a )?ILLNESS (?:W ){1,2}(?:years?|months?|weeks?) ago|as (?:a|an) (?:autistic|dyslexic|deaf|blind|disabled) (?:person|man|woman)|(?:IM on|my|i got|i received|i collected) workers? comp(?:ensation)?|i (?:got|was) (?:hurt|injured) (?:at work|on the job)|(?:runs|run) in my family|i carry (?:a|the) gene|i (?:left|stopped|resigned|quit|had to (?:leave|stop|quit|resign)|was off|took) (?:W ){0,5}?for (?:medical|health) reasons",
    ],
    ending: &[
        r"IM ADV*(?:blind|deaf|mute|sick|ill|in recovery)",
        r"IM ADV*in (?:my )?(?:therapy|rehab)",
        r"IM ADV*(?:on|taking|off) (?:W )?(?:medication|meds|disability)",
        r"i(?:ve| have)? (?:take|took|taken|need|been on) (?:W )?(?:medication|meds)",
        r"i(?:ve got|ve had|ve| have| had| got| suffer from) (?:a |an |some )?(?:severe |chronic |mild |bad |type W )*ILLNESS(?: attacks?| disorder| type W)?",
    ],
    named: &[],
};

const BODY: Category = Category {
    anywhere: &[
        r"i(?: only| now)? weigh(?:ed)? (?:about |around |almost |over |under |only |nearly |roughly )*(?:NUM|a hundred|one hundred)",
        r"my (?:body )?(?:weight|height) (?:is|was|went)|my bmi",
        r"IM ADV*NUM (?:foot|feet|metres?|meters?) (?:NUM|tall)|IM ADV*NUM (?:cm|centimet\w+|inches)(?: tall)?|IM ADV*(?:obese|overweight|underweight)",
    ],
    ending: &[
        r"IM ADV*NUM foot",
        r"IM ADV*tall|IM (?:very|quite|rather|pretty|too) (?:short|fat|skinny|heavy)",
        r"i(?:ve)? (?:lost|gained|put on) (?:W ){1,3}?(?:kilos?|kg|pounds|stone)|i(?:ve)? (?:lost|gained|put on) weight",
    ],
    named: &[],
};

const RECORD: Category = Category {
    anywhere: &[
        r"(?:IM|i got) (?:W )?(?:arrested|convicted|imprisoned|incarcerated|jailed|in (?:prison|jail|custody)|on parole|charged with (?:a |an )?CRIME|sentenced to)",
        r"convicted me|arrested me",
        r"(?:ive got|ive|i have|i had) (?:a |an |no |W )?(?:criminal (?:record|history|conviction)|felony|misdemeanou?r|police record|prior convictions?|dui)",
        r"my (?:criminal record|arrest|parole|felony|time in (?:prison|jail))",
        r"i(?:ve)? (?:served|spent|did) (?:W ){0,4}?(?:in (?:prison|jail)|behind bars)",
        r"(?:i got|i had|i received|my) (?:a |an )?(?:medical|bad conduct|dishonou?rable) discharge|(?:IM|i got) (?:W )?discharged from the (?:army|navy|military|air force|marines)|IM ADV*veteran with|as a disabled veteran",
    ],
    ending: &[r"as a veteran"],
    named: &[],
};

const AFFILIATION: Category = Category {
    anywhere: &[
        r"my union|my (?:political|politics)|IM (?:W )?(?:a |the )?shop steward|(?:pay|paid) (?:my |the )?union dues",
        r"i(?: always)? (?:vote|voted|canvass\w*|campaigned) for (?:the )?PARTY|i joined the PARTY|member of the PARTY",
        r"IM ADV*(?:union|party|trade union) (?:member|rep\w*|organi[sz]er)|i organi[sz]ed a (?:union|strike)|i went on strike",
        r"IM (?:W ){0,3}?politically|IM ADV*(?:left|right) wing",
    ],
    ending: &[
        r"IM (?:ADV|active )*(?:in|member of|part of) (?:a |the |my |our )?(?:W )?(?:trade union|labou?r union|union|PARTY)",
        r"i(?:ve)? (?:belong to|belonged to|joined|support) (?:a |the |my |our )?(?:W ){0,2}?(?:union|party)",
        r"IM (?:ADV)*(?:a|an) (?:democrat|republican|socialist|communist|libertarian|marxist|anarchist|feminist|liberal|conservative)",
    ],
    named: &[],
};

const PAY: Category = Category {
    anywhere: &[
        r"my (?:current|last|previous|old|present|former) (?:W )?(?:salary|pay|wages?|compensation|income|earnings)|my (?:base|starting|final|monthly|annual|yearly|gross|net) (?:W )?(?:salary|pay|wages?|compensation|income|earnings)(?: there| then| at W)? (?:is|was|has been|used)|my (?:salary|pay|wage|income)(?: there| then| at W)? (?:is|was|has been|used)",
        r"i(?:m| am| was| have|ve)?(?: been)? (?:(?:earn|earned|earning|paid|(?:get|getting|got) paid) ABOUT*SUM|(?:make|made|making|get|getting|got) ABOUT*BIG) (?:CURRENCY )?PERIOD",
        r"(?:pay|paid|pays|paying) me ABOUT*SUM",
        r"i have (?:a |an )?(?:very |really )?(?:bad|poor|good|low|terrible|no) credit|my credit (?:score|history|rating|report)|i(?: have|ve)? (?:filed for|declared|went) bankrupt\w*|IM ADV*(?:bankrupt|insolvent)",
    ],
    ending: &[
        r"i(?:m| am| was| have|ve)?(?: been)? (?:earn|earned|earning|make|making|paid|getting paid|get paid|got paid) ABOUT*BIG",
        r"i(?:m| am| was) on ABOUT*BIG",
        r"IM in debt|i have debts",
    ],
    named: &[],
};

/// What capitals in the patterns stand for; they may hold others.
pub const FRAGMENTS: &[(&str, &str)] = &[
    ("AGE", r"(?:1[89]|[2-7]\d|eighteen|nineteen|TENS(?: ONE)?)"),
    (
        "YEAR",
        r"(?:(?:19|20)\d\d|nineteen (?:TENS|hundred)(?: ONE)?|two thousand(?: and)?(?: ONE)?|twenty (?:ten|eleven|twelve|W?teen|twenty)(?: ONE)?)",
    ),
    (
        "SUM",
        r"(?:\d+k?(?: \d{3})*(?: CURRENCY)?|NUM (?:thousand|grand|CURRENCY))",
    ),
    // Too much to be a count of something else.
    (
        "BIG",
        r"(?:\d+k|\d{4,}|\d{1,3}(?: \d{3})+|NUM (?:thousand|grand)|(?:NUM|\d+(?: \d{3})*) CURRENCY)(?: CURRENCY)?",
    ),
    ("NUM", r"(?:\d+|(?:TENS|one|ONE|ten|eleven|twelve|W?teen)(?: ONE)?)"),
    ("TENS", "(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"),
    ("ONE", "(?:one|two|three|four|five|six|seven|eight|nine)"),
    ("IM", r"(?:im|i am|i was|ive been|i have been)"),
    (
        "ADV",
        r"(?:(?:also|now|currently|actually|already|only|just|still|really|openly|proudly|newly|recently|very|quite|almost|nearly|about|originally|a|an) )",
    ),
    (
        "QUAL",
        r"(?:single|young|new|older|working|proud|devout|practi[sc]ing|strict|former|white|black|gay|trans)",
    ),
    (
        "QUANT",
        r"(?:a|an|one|two|three|four|five|\d|no|some|small|young|little|teenage|grown|up|adult|lovely|school age)",
    ),
    (
        "ILLNESS",
        r"(?:asthma|diabetes|cancer|depression|anxiety|epilepsy|autism|adhd|migraines?|ptsd|ocd|ms|hiv|arthritis|a stroke|stroke|covid|long covid|burnout|tinnitus|tumou?r|addiction|alcoholism|heart attack)",
    ),
    (
        "CRIME",
        r"(?:theft|stealing|shoplifting|fraud|assault|burglary|robbery|possession|drunk driving|dui|battery|murder|embezzlement|vandalism|crime|felony)",
    ),
    (
        "PARTY",
        r"(?:labou?r|democrats?|democratic party|republicans?|republican party|conservatives?|conservative party|tory|tories|greens?|green party|liberals?|liberal party|socialists?|social democrats?|communists?|communist party|trump|biden|brexit|labou?r party|socialist party)",
    ),
    (
        "CURRENCY",
        "(?:euros?|dollars?|pounds?|eur|usd|gbp|francs?|rupees|k|grand|thousand)",
    ),
    (
        "PERIOD",
        r"(?:(?:a|an|per|each|every) (?:year|month|week|day|hour|annum)|yearly|annually|monthly|gross|net|before tax(?:es)?|after tax(?:es)?)",
    ),
    (
        "ABOUT",
        "(?:(?:about|around|roughly|almost|nearly|over|some|just|under|up|to|only) )",
    ),
    (
        "NATION",
        r"(?:american|british|english|scottish|irish|welsh|french|german|austrian|swiss|dutch|belgian|danish|swedish|norwegian|finnish|icelandic|spanish|portuguese|italian|greek|cypriot|turkish|kurdish|albanian|bulgarian|romanian|serbian|croatian|bosnian|slovenian|slovak|czech|hungarian|polish|ukrainian|russian|belarusian|lithuanian|latvian|estonian|georgian|armenian|israeli|palestinian|lebanese|syrian|iraqi|iranian|persian|afghan|pakistani|indian|bangladeshi|nepali|sri lankan|chinese|taiwanese|japanese|korean|vietnamese|thai|filipino|filipina|indonesian|malaysian|australian|canadian|mexican|brazilian|argentinian|argentine|chilean|colombian|peruvian|venezuelan|cuban|dominican|haitian|jamaican|nigerian|ghanaian|kenyan|ethiopian|eritrean|somali|sudanese|egyptian|moroccan|algerian|tunisian|libyan|south african|zimbabwean|congolese|cameroonian|senegalese)",
    ),
    (
        "LANGUAGE",
        r"(?:english|german|french|spanish|portuguese|italian|greek|turkish|kurdish|albanian|bulgarian|romanian|serbian|croatian|polish|czech|slovak|hungarian|ukrainian|russian|dutch|danish|swedish|norwegian|finnish|arabic|hebrew|farsi|persian|urdu|hindi|punjabi|bengali|tamil|telugu|nepali|mandarin|cantonese|chinese|japanese|korean|vietnamese|thai|tagalog|indonesian|malay|swahili|amharic|somali|yoruba|igbo|hausa|tigrinya)",
    ),
    (
        "COUNTRY",
        r"(?:(?:the )?(?:united states|usa|us|america|uk|united kingdom|england|scotland|ireland|wales|france|germany|austria|switzerland|netherlands|belgium|denmark|sweden|norway|finland|iceland|spain|portugal|italy|greece|cyprus|turkey|kurdistan|albania|kosovo|bulgaria|romania|serbia|croatia|bosnia|slovenia|slovakia|czechia|czech republic|hungary|poland|ukraine|russia|belarus|lithuania|latvia|estonia|georgia|armenia|azerbaijan|israel|palestine|gaza|lebanon|syria|iraq|iran|afghanistan|pakistan|india|bangladesh|nepal|sri lanka|china|taiwan|hong kong|japan|korea|south korea|north korea|vietnam|thailand|philippines|indonesia|malaysia|singapore|australia|new zealand|canada|mexico|brazil|argentina|chile|colombia|peru|venezuela|cuba|haiti|jamaica|nigeria|ghana|kenya|uganda|ethiopia|eritrea|somalia|sudan|egypt|morocco|algeria|tunisia|libya|south africa|zimbabwe|congo|cameroon|senegal|africa|asia|south america))",
    ),
    // A word of any kind.
    ("W", "[a-z0-9]+"),
];
