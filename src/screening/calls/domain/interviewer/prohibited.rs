//! What no interviewer may ask or remark on, in whatever words: one list for what a language model says in a call and for
//! what a plan holds, whoever wrote it.

use std::sync::LazyLock;

use regex::Regex;

use crate::screening::calls::domain::interviewer::answer::plain;
use crate::screening::calls::domain::speakable::clauses::sentences;

/// The words of a text that ask for, or remark on, something an interview must leave alone.
pub fn prohibited_in(text: &str) -> Option<String> {
    sentences(text)
        .into_iter()
        .find_map(|sentence| found_in(&plain(sentence)))
}

/// The same for one sentence in plain lower-case words.
pub(super) fn found_in(said: &str) -> Option<String> {
    let asked = WORK.replace_all(said, "…");
    PROHIBITED.find(&asked).map(|found| found.as_str().to_owned())
}

macro_rules! pattern {
    ($name:ident, $($text:expr),+ $(,)?) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new(concat!(r"\b(?:", $($text),+, r")\b")).expect("fixed pattern"));
    };
}

// Names of work that hold such a word. They are taken out before anything is looked for.
pattern!(
    WORK,
    r"health (?:and|or) safety|health ?care|health checks?|public health|mental health (?:work|services?|teams?|nurs\w+|apps?|care)|race conditions?|single handed(?:ly)?|",
    r"(?:medical|health|photo|party|genetics?|medication|weight|height|gender|disability|therapy|credit|partner|family|union|orientation|age|children|kids) (?:experience|training|knowledge|skills|work|studies|research|data|software|apps?|systems?|products?|services?|devices?|editing|shoots?|planner|planning (?:clinic|services?|advice)|events?|administration|management|rounds?|coding|billing|writing|transcription|terminology|assistant|licen[cs]e|certificate|degree|support|limits?|lifting|networks?|program\w*|companies|teams?|integrations?|onboarding|portals?|ecosystem|medicine|practice|law|business(?:es)?|negotiations?|contracts?|agreements?|representatives?|sessions?|groups?|verification|ward|books|analysis|risks?|cards?|class(?:es)?)|(?:ill|sick|disabled|pregnant) (?:patients?|people|children|animals?|adults?|residents?|women|clients?)|",
    r"political (?:reporting|journalism|science|analysis|campaigns?)|criminal (?:law|justice|defen[cs]e)|child (?:protection|care|development|psychology|welfare|safeguarding)|children in (?:care|need)|first language model|sexual harassment",
);

pattern!(
    PROHIBITED,
    // Age.
    r"how old (?:are|were|re) (?:you|your)|how old you|your (?:exact )?age|(?:your )?date of birth|your birth\w*|(?:year|month) (?:were you born|you were born|of (?:your )?birth)|(?:when|where) (?:were you|you were) born|when did you (?:graduate|finish school|leave school)|(?:what|which) year did you (?:graduate|finish|leave)|graduation year|year of graduation|(?:are|were) you (?:over|under|above|below|older than|younger than) (?:the age of )?(?:[2-6]\d|thirty|forty|fifty|sixty)|when (?:do|will|would) you (?:\w+ ){0,3}retire|",
    // What is somebody's own.
    r"your (?:religio\w*|faith|church|mosque|synagogue|ethnic\w*|race|nationality|national origin|citizenship|immigration|ancestry|skin|gender|sex|sexual\w*|orientation|marital|marriage|husband|wife|spouse|boyfriend|girlfriend|partner|partners at home|parents|maiden name|family|children|kids|son|daughter|baby|pregnan\w*|childcare|disabilit\w+|health|mental health|illness|medical|medication|(?:own|personal) (?:diagnosis|therapy)|genetics?|weight|height|politic\w*|party (?:membership|affiliation)|union|vote|criminal|arrest\w*|military discharge|credit (?:score|history|rating|report)|salary history|photo|accent|native language|native tongue|mother tongue|first language|sick (?:days|leave)|(?:maternity|paternity|parental) leave|emergency contact)|",
    // What somebody is.
    r"(?:are|were) you (?:(?:currently|still|now|also|already|ever|maybe|perhaps|by any chance|\w+ly) )*(?:married|single|divorced|widowed|engaged to be|pregnant|expecting a (?:baby|child)|expecting$|in a (?:\w+ )?relationship|gay|lesbian|bisexual|straight$|trans|transgender|religious|muslim|christian|catholic|jewish|hindu|buddhist|atheist|disabled|handicapped|ill|sick|healthy|in good health|on (?:any )?medication|taking (?:any )?medication|(?:a |an )?(?:\w+ ){0,2}(?:citizen|national$|immigrant|foreigner|refugee|native speaker|union member)|in (?:a|the|any) union|a (?:mother|father|parent|mom|dad|single parent)|a member of (?:a|any|the) (?:\w+ )?(?:union|party|church|club|religion)|born)|consider yourself (?:\w+ )?(?:disabled|religious|healthy|young|old)|",
    r"(?:been|were you|you ever|ever) (?:arrested|convicted|charged with|jailed|imprisoned)|(?:have you|you ever) been (?:(?:ever|previously) )*(?:married|divorced|pregnant|hospitali[sz]ed|seriously ill|diagnosed|to prison|in prison|in jail|dishono\w+|declared bankrupt)|criminal record|police record|military discharge|(?:kind|type) of discharge|dishonou?rabl\w+|",
    // What somebody has, does and plans.
    r"(?:do|did|would|will) you (?:\w+ )?have (?:(?:any|a|an|your|own|small|young|some|little|other) )*(?:children|child|kids|family|husband|wife|spouse|partner|boyfriend|girlfriend|dependents|dependants|disabilit\w+|handicap\w*|medical|health|mental health|illness\w*|disease\w*|medication|criminal|allerg\w+|chronic|tattoos|piercings)|have you (?:got )?(?:any |a )?(?:children|kids|a family|disabilit\w+|health (?:problems?|issues?|conditions?))|do you (?:\w+ )?(?:suffer from|live with (?:a|your|any))|",
    r"how many (?:children|kids|dependents|dependants|sons|daughters|siblings) (?:do you (?:have|want|plan)|have you|are you (?:planning|raising)|will you|would you like|you (?:have|want))|how many (?:sick days|days (?:were|have) you (?:been )?(?:ill|sick))|who (?:looks after|takes care of|cares for|watches) your|how (?:will|would|do) you (?:arrange|manage|handle) childcare|childcare (?:arrangements|plans|needs)|",
    r"(?:plan(?:s|ning)?|want|wish|hop(?:e|ing)|intend|thinking) (?:(?:to|on|of|about|for) )?(?:(?:have|having|start|starting|raise|raising|get|getting) )?(?:(?:a|an|any|more|another|your|own) )*(?:family|families|children|child|kids|baby|babies|pregnan\w*|married)|(?:start|starting) a family|(?:get|getting) (?:married|pregnant)|(?:take|taken|taking) (?:maternity|paternity|parental) leave|",
    r"(?:what|which) (?:is your )?(?:religion|faith|church|mosque|synagogue|denomination|religious)|do you (?:\w+ )?(?:pray|worship|smoke|drink alcohol|drink$|go to church|attend (?:a |the )?(?:church|mosque|temple|synagogue)|practi[cs]e (?:a|any|your) (?:religion|faith)|believe in (?:a )?god|take any medication|take (?:any )?drugs|observe (?:\w+ ){0,2}(?:holidays?|sabbath|ramadan|lent)|celebrate (?:christmas|easter|ramadan|eid|hanukkah|diwali|passover|religious)|belong to (?:(?:a|an|any|the) )?(?:\w+ )?(?:church|mosque|union|party|club|religion))|which (?:religious )?holidays do you|(?:what|which) clubs (?:do|are|did) you|",
    // Where from.
    r"where (?:are|were|re) you (?:really |originally |actually |all )?from|where (?:do|did) you (?:really |originally |actually )?(?:come from|grow up)|where you (?:grew up|come from|are from|were raised)|where (?:is|are|was|were|do|does|did) your (?:family|parents|ancestors|name|surname|accent) (?:\w+ ){0,2}(?:from|born)|where were you raised|(?:you|family|parents) (?:\w+ )?originally (?:from|come)|(?:what|which) (?:country|city|part of the world) (?:are|were|do|did) you (?:\w+ )?(?:from|born|come from|grow up|a citizen)|(?:country|place) of (?:birth|origin)|native (?:language|speaker|tongue)|mother tongue|is your first language|how (?:did|have) you learn(?:ed|t)? (?:to speak )?(?:english|german|french|spanish|italian|greek|portuguese|arabic|chinese|russian)|",
    // Body, politics, money.
    r"how tall|(?:how much|what) do you weigh|medications? (?:do|are|have) you (?:take|taking|on)|(?:photo|picture) of (?:you|yourself)|emergency contact|have you (?:\w+ )?(?:filed|claimed|received) (?:for )?(?:a )?workers comp\w*|(?:do|did|would|will) you (?:\w+ )?vote|who (?:did|do|would|will) you vote|(?:what|which) (?:political )?party (?:do|did|are|would)|do you (?:own|rent) (?:a|your) (?:home|house|flat|apartment)|",
    r"(?:current|currently|previous|last|past|present|prior|former) (?:salary|pay|wages?|compensation|income|earnings|remuneration)|(?:salary|pay|wage|compensation) history|how much (?:do|did|are|were|is|was) you (?:\w+ )?(?:earn\w*|mak(?:e|ing)|paid|get paid)|what (?:do|did|are|were) you (?:\w+ )?(?:earn|earning|paid|getting paid)|what (?:do|did) you (?:\w+ )?make(?:$| (?:now|currently|(?:a|per|each) (?:year|month|week|hour)))|what (?:salary|pay|wages?) (?:do|did|are|were) you (?:\w+ )?(?:get\w*|have|earn\w*|receiv\w+|on|paid)|",
    // Remarks.
    r"people (?:like you|of your (?:age|race|kind|background))|as (?:a|an) (?:woman|man|mother|father|foreigner|immigrant|(?:older|younger|young|single|disabled) (?:person|worker|candidate|applicant|employee|woman|man|parent|mother|father))",
);

#[cfg(test)]
mod tests {
    use super::*;

    // spec: EMMA-5
    #[test]
    fn what_must_not_be_asked_is_found_in_many_wordings() {
        for text in [
            "Do you have any children?",
            "How many children do you have?",
            "What religion do you practise?",
            "Are you single?",
            "Are you happily married?",
            "Do you have any health conditions?",
            "Do you smoke?",
            "Are you a citizen?",
            "Are you a US citizen?",
            "What do you currently earn?",
            "What did you earn in your last job?",
            "How much do you make?",
            "What was your last salary?",
            "Do you have a partner?",
            "Are you planning a family?",
            "Do you plan to have kids in the next years?",
            "Where did you grow up?",
            "Where are you originally from?",
            "How old are you, if I may ask?",
            "When did you graduate from school?",
            "Are you currently pregnant?",
            "Who looks after your children when you travel?",
            "Do you go to church on Sundays?",
            "Which holidays do you celebrate, which religious holidays do you keep?",
            "Is English your native language?",
            "How did you learn German?",
            "Have you ever been arrested?",
            "Do you have a criminal record?",
            "Are you a member of a union?",
            "Who did you vote for?",
            "How tall are you?",
            "Do you have a disability?",
            "How many sick days did you take last year?",
            "Tell me about the work. And what is your current salary?",
            "Please tell me about your health.",
        ] {
            assert!(prohibited_in(text).is_some(), "{text}");
        }
    }

    // spec: EMMA-5
    #[test]
    fn questions_about_work_that_hold_the_same_words_pass() {
        for text in [
            "Are you comfortable partnering with other teams?",
            "Tell me about a health check you built.",
            "Are you legally allowed to work in Germany?",
            "Are you authorised to work in Greece?",
            "Could you work night shifts, with or without adjustments?",
            "How do you calm an angry patient?",
            "Tell me about your health and safety training.",
            "Tell me about your medical coding experience.",
            "How old was the system that you replaced?",
            "What decision did you make, and why?",
            "What do you make of that error?",
            "Where do your test data come from?",
            "How do you celebrate what your team has done?",
            "What is the first language you learned to program in?",
            "Tell me about a race condition that you found.",
            "How do you keep children safe on a trip?",
            "How many children did you care for at a time?",
            "How do you plan a family event for forty guests?",
            "Do you have a partner network to build on?",
            "Which medications have you administered?",
            "How do you read a credit report?",
            "Do you have experience with children?",
            "Have you single-handedly run a shift?",
            "What salary do you expect?",
            "Tell me about the accounts of your largest customers.",
            "How did you reach the diagnosis of that outage?",
        ] {
            assert_eq!(prohibited_in(text), None, "{text}");
        }
    }
}
