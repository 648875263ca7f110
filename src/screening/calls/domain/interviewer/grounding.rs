//! What a sentence about the role rests on: the posting, and nothing that the candidate suggested. Works by words: what a
//! role is said to be has to stand in what was found, with the same numbers and the same "not".

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;
use crate::screening::calls::domain::interviewer::breach::Breach;
use crate::screening::calls::domain::interviewer::sense::words::{is_frame, is_function, is_term};
use crate::screening::calls::domain::ports::RoleFact;

/// What a statement may be based on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// What the search of the posting brought in this turn.
    pub facts: &'a [RoleFact],
    pub looked_up: bool,
    /// What the candidate told. What is so at the job is not known from it.
    pub heard: &'a str,
    /// What the candidate asked: it names what may be spoken about and supports nothing.
    pub asked: &'a str,
    /// Job title, organization and the open question: Emma may name them.
    pub known: &'a str,
}

/// What a sentence does in a turn in which the posting was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Thanks, or the candidate's own deeds given back.
    Aside,
    /// The posting does not say, the question is passed on.
    PassesOn,
    /// Says what the role is like.
    Answer,
}

/// Share of a role answer's content words that must stand in what was found.
const GROUNDED: f32 = 0.5;
/// A longer sentence does more than pass a question on, words.
const LONGEST_PASS: usize = 30;
/// Words of its topic that may be Emma's own: "a canteen of its own".
const OWN_TOPIC_WORDS: usize = 1;

macro_rules! pattern {
    ($name:ident, $($text:expr),+ $(,)?) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!("(?:", $($text),+, ")")).expect("fixed pattern"));
    };
}

pattern!(
    ROLE_CLAIM,
    r"\b(?:the posting|the job (?:description|ad|advert|posting)|we (?:offer|provide|pay|have|use|work|are|do|can|allow|expect|require|value|support)|our (?:team|company|office|product|stack|salary|benefits|culture|customers|clients|tools|policy|process|employees|people|values|mission|engineers)|the (?:role|position|job|salary|pay|company|team|office|contract|benefits?|hours|schedule|stack|work) (?:is|are|has|have|offers?|includes?|requires?|pays?|comes|involves?|starts?|will|can|uses?|would)|this (?:role|position|job|team|company) (?:is|has|offers?|includes?|requires?|pays?|comes|involves?|will|can|uses?|would)|it (?:pays|offers|includes|comes with)|you(?:ll| will| would|d) (?:be (?:working|paid|based|reporting|responsible)|work|earn|get|receive|report|have access|need))\b",
);
pattern!(
    NAMES_SOURCE,
    r"\b(?:posting|job (?:description|ad|advert)|(?:among|under|in) the (?:benefits|requirements|responsibilities))\b",
);
pattern!(
    COURTESY,
    r"^(?:(?:(?:thank you|thanks)(?: for (?:asking|(?:the|your|that) question|your interest|your patience|that))?|(?:that is |thats )?(?:a )?(?:good|fair) question|i see|i understand|okay|ok|all right|alright|mhm|(?:i am |im )?(?:sorry|afraid)|unfortunately) ?)+$",
);
pattern!(
    PASSES,
    r"^(?:(?:so|and|but|then|therefore) )*(?:i will|ill|i can|will) (?:gladly |also |now )*(?:pass (?:(?:your|that|this|the) questions?|it|that|this|them) (?:on|along)|pass (?:on|along) (?:your|that|this|the) questions?)(?: to (?:the|a) (?:team|hiring team|recruiter|company|person))?(?: for you)?$",
);
pattern!(
    DENIES,
    r"^(?:(?:sorry|i am sorry|im sorry|i am afraid|im afraid|unfortunately|that|and|but) )*(?:(?:the (?:job )?posting|the job (?:description|ad|advert)|it) (?:does not|doesnt) (?:say|mention|state|tell|specify|list|(?:have|contain|include|give) (?:any )?(?:information|details?|anything))|there is (?:no information|nothing)(?: (?:about|on) (?:that|this|it))? in the posting|i (?:could not|couldnt|cannot|cant) find|i (?:do not|dont|cannot|cant) (?:know|say|tell|have)|(?:that|this|it|thats|its) (?:is )?not (?:(?:mentioned|stated|said|covered) )?in (?:the posting|what i have))\b",
);
/// Words of a denial that name no topic of its own.
const POINTERS: &str = "that this it so exactly anything more either information detail details in the posting what i have about \
    here yet";
const INDIRECT: &str = "whether if how what when where which who why";
/// With one of these a topic is a statement of its own.
const FINITE: &str = "is are was were has can will would may does offers pays gets includes says its theres youll";
/// What is so now, and not what the candidate did.
const PRESENT: &str = "is are has can will its theres thats theyre";
const NEGATIONS: &str = "not no never without nor neither none cannot cant dont doesnt didnt isnt arent wasnt wont wouldnt hasnt \
    havent shouldnt neednt except excluding";
const NUMBERS: &str = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen \
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million half dozen";
/// Words that say where something is stated, and what a posting states things of.
const SAYS: &str = "ask asks asked asking requires require required include includes included including offer offers provides \
    expects names named listed stated specifies indicates involves ranges range amount company team job located \
    based available receive looking benefit benefits requirement requirements responsibility responsibilities";
/// How an answer to the candidate begins before it says "you".
const OPENERS: &[&str] = &[
    "thank you ",
    "thanks ",
    "i see ",
    "okay ",
    "ok ",
    "got it ",
    "understood ",
    "all right ",
    "alright ",
    "i understand ",
    "mhm ",
    "noted ",
    "right ",
    "so ",
    "and ",
    "then ",
    "that ",
];
/// What people say of themselves, in the present or in a past that does not end in "-ed".
const OWN_VERBS: &str = "want wanted prefer expect like enjoy know knew say said mean meant think thought plan hope speak spoke live \
    had were built rebuilt led wrote made ran did took gave kept brought found began chose grew taught held met \
    saw went came told set put cut won lost left sold bought dealt spent sent broke fixed learnt understood felt \
    drew rose read been done written taken given seen grown chosen";
/// End like a past and are none, or tell what others do for the candidate.
const NOT_OWN: &str = "need indeed entitled allowed offered required guaranteed provided paid";

/// Whether the posting was named as the source.
pub fn names_source(sentence: &str) -> bool {
    NAMES_SOURCE.is_match(&plain(sentence))
}

/// What a sentence that was checked does.
pub fn kind_of(sentence: &str, ground: &Ground<'_>) -> Kind {
    let said = plain(sentence);
    if passes_on(sentence, ground) {
        Kind::PassesOn
    } else if is_courtesy(&said) || gives_back(&said) {
        Kind::Aside
    } else {
        Kind::Answer
    }
}

/// The facts a sentence is taken from: those that share its words, and about as many of them as the best one.
pub fn sources<'a>(sentence: &str, facts: &'a [RoleFact]) -> Vec<&'a RoleFact> {
    let said = plain(sentence);
    let shared = |fact: &RoleFact| {
        let known = plain(&fact.text);
        content(&said).filter(|word| holds_akin(&known, word)).count()
    };
    let most = facts.iter().map(shared).max().unwrap_or(0);
    facts
        .iter()
        .filter(|fact| most > 0 && shared(fact) * 2 >= most)
        .collect()
}

/// Whether a sentence claims nothing about the role that is not known of it.
///
/// # Errors
/// [`Breach::Unsupported`].
pub(super) fn supported(sentence: &str, said: &str, ground: &Ground<'_>) -> Result<(), Breach> {
    let claims = ROLE_CLAIM.is_match(said);
    if claims && !ground.looked_up {
        return Err(Breach::Unsupported);
    }
    if passes_on(sentence, ground) {
        return Ok(());
    }
    // What the candidate said is no source of what the role is like: "Is it 90,000 euros?" makes it none.
    let about_role = claims || (ground.looked_up && !gives_back(said));
    let facts: String = ground.facts.iter().map(|fact| plain(&fact.text) + " ").collect();
    let more = if about_role {
        plain(ground.known)
    } else {
        format!("{} {}", plain(ground.heard), plain(ground.known))
    };
    // A number comes from where the rest of the sentence does, or it is made up.
    let known: BTreeSet<&str> = facts.split(' ').chain(more.split(' ')).collect();
    let made_up = said
        .split(' ')
        .any(|word| word.chars().any(|c| c.is_ascii_digit()) && !known.contains(word));
    if made_up || (about_role && !agree(sentence, ground.facts)) {
        return Err(Breach::Unsupported);
    }
    if !claims {
        return Ok(());
    }
    let content: Vec<&str> = content(said).collect();
    let grounded = content
        .iter()
        .filter(|word| known.iter().any(|known| akin(known, word)))
        .count();
    if ground.facts.is_empty() || (grounded as f32) < content.len() as f32 * GROUNDED {
        return Err(Breach::Unsupported);
    }
    Ok(())
}

/// Whether all of an answer about the role was found, and something was: "Yes, it is" was not.
pub(super) fn is_found(words: &[&str], ground: &Ground<'_>) -> bool {
    let facts: String = ground.facts.iter().map(|fact| plain(&fact.text) + " ").collect();
    let known = plain(ground.known);
    let mut found = 0;
    let all = words.iter().filter(|word| !is_function(word)).all(|word| {
        let frame = is_answer_word(word);
        let stated = holds_akin(&facts, word);
        found += usize::from(stated && !frame);
        stated || frame || holds_akin(&known, word)
    });
    all && found > 0
}

/// "The posting does not say; I will pass your question on", and nothing beside it.
pub(super) fn passes_on(sentence: &str, ground: &Ground<'_>) -> bool {
    static CUT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"[,;:–—.]\s+|\s(?:but|so|however|though|although|yet|while)\s|\sand (?P<i>i will|i'll|i’ll|i can)\s",
        )
        .expect("fixed pattern")
    });
    if sentence.split_whitespace().count() > LONGEST_PASS {
        return false;
    }
    let text = sentence.to_lowercase();
    let text = CUT.replace_all(&text, "\n$i ");
    let mut does = false;
    for clause in text.lines().map(plain).filter(|clause| !clause.is_empty()) {
        let denies = DENIES.find(&clause).map(|found| &clause[found.end()..]);
        let passes = PASSES.is_match(&clause) || denies.is_some_and(|topic| may_be_denied(topic.trim(), ground));
        does |= passes;
        if !passes && !is_courtesy(&clause) {
            return false;
        }
    }
    does
}

/// Thanks and the like; no yes, which would agree to whatever was suggested.
pub(super) fn is_courtesy(said: &str) -> bool {
    COURTESY.is_match(said)
}

/// "Thank you, so you moved the ledger": the candidate's own deeds. "You can", "you get" and "you will" tell of the role,
/// and so does whoever speaks of pay and terms.
pub(super) fn gives_back(said: &str) -> bool {
    let tells_more = |word: &str| is_term(word) || listed(PRESENT, word);
    is_about_candidate(said) && !ROLE_CLAIM.is_match(said) && !said.split(' ').any(tells_more)
}

/// Whether a sentence says what the candidate did or wants.
pub(super) fn is_about_candidate(said: &str) -> bool {
    let mut rest = said;
    while let Some(tail) = OPENERS.iter().find_map(|opener| rest.strip_prefix(opener)) {
        rest = tail;
    }
    let Some(rest) = rest.strip_prefix("you ").or_else(|| rest.strip_prefix("youve ")) else {
        return false;
    };
    let beside = |word: &&str| {
        !matches!(
            *word,
            "have" | "also" | "already" | "just" | "first" | "then" | "even" | "all"
        )
    };
    rest.split(' ')
        .find(beside)
        .is_some_and(|verb| listed(OWN_VERBS, verb) || (verb.ends_with("ed") && !listed(NOT_OWN, verb)))
}

/// Whether a denial may name this topic: one that was asked about, and that what was found is silent about.
fn may_be_denied(topic: &str, ground: &Ground<'_>) -> bool {
    let words: Vec<&str> = topic
        .split(' ')
        .skip_while(|word| listed(POINTERS, word) && !listed(INDIRECT, word))
        .collect();
    let indirect = words.first().is_some_and(|first| listed(INDIRECT, first));
    if !indirect && words.iter().any(|word| listed(FINITE, word)) {
        return false;
    }
    let facts: String = ground.facts.iter().map(|fact| plain(&fact.text) + " ").collect();
    let named = format!(
        "{} {} {}",
        plain(ground.asked),
        plain(ground.heard),
        plain(ground.known)
    );
    let (mut own, mut silent, mut any) = (0, false, false);
    for word in words.iter().filter(|word| !is_function(word) && !is_frame(word)) {
        let stated = holds_akin(&facts, word);
        any = true;
        silent |= !stated;
        if !stated && !holds_akin(&named, word) {
            own += 1;
            if is_term(word) || is_number(word) {
                return false;
            }
        }
    }
    own <= OWN_TOPIC_WORDS && (!any || silent)
}

/// Whether each clause says "not" where the clause of the posting that it is taken from does.
fn agree(sentence: &str, facts: &[RoleFact]) -> bool {
    let stated: Vec<String> = facts.iter().flat_map(|fact| clauses(&fact.text)).collect();
    clauses(sentence).iter().all(|clause| {
        let shared = |other: &String| content(clause).filter(|word| holds_akin(other, word)).count();
        let most = stated.iter().map(shared).max().unwrap_or(0);
        most == 0
            || stated
                .iter()
                .any(|other| shared(other) == most && is_negated(other) == is_negated(clause))
    })
}

fn clauses(text: &str) -> Vec<String> {
    static JOINT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)[,.;:!?–—]\s+|\s(?:and|but|although|though|while|whereas|so)\s").expect("fixed pattern")
    });
    JOINT
        .split(text)
        .map(plain)
        .filter(|clause| !clause.is_empty())
        .collect()
}

fn is_negated(clause: &str) -> bool {
    clause.split(' ').any(|word| listed(NEGATIONS, word))
}

fn listed(list: &str, word: &str) -> bool {
    list.split(' ').any(|other| other == word)
}

fn is_number(word: &str) -> bool {
    listed(NUMBERS, word) || word.chars().any(|c| c.is_ascii_digit())
}

/// The words of a text that say what it is about.
fn content(said: &str) -> impl Iterator<Item = &str> {
    said.split(' ')
        .filter(|word| is_number(word) || (word.len() > 2 && !is_function(word) && !is_answer_word(word)))
}

/// Words a role answer is built with whatever it says. Praise and times are none of them.
fn is_answer_word(word: &str) -> bool {
    let tells = matches!(
        word,
        "good" | "able" | "time" | "end" | "start" | "started" | "begin" | "began" | "sense" | "interviewer"
    );
    listed(SAYS, word) || (is_frame(word) && !tells)
}

fn holds_akin(text: &str, word: &str) -> bool {
    text.split(' ').any(|other| akin(other, word))
}

/// The same word in another form, or another word for the same.
fn akin(one: &str, other: &str) -> bool {
    let (one, other) = (common(one), common(other));
    if one == other {
        return !one.is_empty();
    }
    if is_number(one) || is_number(other) {
        return false;
    }
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let (left, right) = (one.chars().count() - same, other.chars().count() - same);
    same >= 4 && left.min(right) <= 2 && left.max(right) <= 4
}

/// Other words for pay, years and holidays.
fn common(word: &str) -> &str {
    match word {
        "pay" | "pays" | "wage" | "wages" | "compensation" | "salaries" => "salary",
        "yearly" | "years" | "annual" | "annually" | "annum" => "year",
        "vacation" | "holidays" => "holiday",
        "weekly" | "weeks" => "week",
        "months" | "monthly" => "month",
        "days" | "daily" => "day",
        "eur" => "euros",
        "usd" => "dollars",
        other => other,
    }
}

#[cfg(test)]
mod tests;
