//! What a line of a posting is good for in an interview: a subject, a condition to confirm, or nothing that may be asked.

use std::sync::LazyLock;

use regex::Regex;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Work, knowledge or behaviour to talk about.
    Subject,
    /// A licence, certificate or degree.
    Credential,
    /// Permission to work somewhere.
    WorkPermit,
    /// A language to work in.
    Language,
    /// Lifting, standing and the like.
    Physical,
    /// Shifts, travel, hours, start.
    Availability,
    /// Must not be asked, however the posting words it.
    Prohibited,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("fixed pattern")
}

static PROHIBITED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:years old|age (?:limit|range|between|under|over)|aged \d|young(?:er)?\b.{0,20}\b(?:candidate|person|people|team member|energetic|dynamic)|",
        r"(?:male|female|men|women|gender)\b.{0,20}\b(?:only|candidates?|preferred)|(?:only|preferably) (?:male|female|men|women)|",
        r"marital|(?:un)?married|single (?:person|candidate|people)|no children|child[- ]?free|pregnan|famil(?:y|ies) status|",
        r"religio|christian|muslim|jewish|hindu|church member|ethnic|race\b|nationality|national origin|citizens?(?:hip)?\b|born in|native[- ]born|",
        r"sexual|disabilit|in good health|healthy|no health|medical history|non[- ]?smok|height|body weight|attractive|good[- ]looking|photo|",
        r"criminal record|arrest|police record|military discharge|union member|political|credit (?:score|history|check)|salary history|previous salary|graduat(?:ed|ion) (?:year|in \d))",
    ))
});
static PERMIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:work(?:ing)? (?:permit|visa|authori[sz]ation)|right to work|authori[sz]ed to work|eligib(?:le|ility) to work|legally (?:able|allowed|entitled) to work|residence permit)\b",
    )
});
static LANGUAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:english|german|french|spanish|italian|greek|portuguese|dutch|polish|arabic|mandarin|chinese|japanese|korean|turkish|hindi|swedish|danish|norwegian|finnish|czech|romanian|ukrainian|russian)\b.{0,30}\b(?:fluen\w*|native|speak\w*|language|spoken|written|proficien\w*|level|skills?|[abc][12])\b",
        r"|(?i)\b(?:fluen\w*|native|speak\w*|spoken|written|proficien\w*|bilingual|command of|good|excellent|very good|business|working knowledge of|[abc][12])\b.{0,30}\b(?:english|german|french|spanish|italian|greek|portuguese|dutch|polish|arabic|mandarin|chinese|japanese|korean|turkish|hindi|swedish|danish|norwegian|finnish|czech|romanian|ukrainian|russian)\b",
    ))
});
static CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:licen[cs]e[ds]?|licensure|certificat\w+|certified|degree|diploma|bachelor\w*|master['’]?s|phd|registration|apprenticeship|(?:bls|acls|cpr|cdl|cpa|cfa|pmp|dbs)\b(?: check)?)\b",
    )
});
static PHYSICAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:lift(?:ing)? |carry(?:ing)? .*(?:kg|kilo|lb|pound)|stand(?:ing)? (?:for|up)|on (?:your|their) feet|physically|heavy loads|\d+\s?(?:kg|kilos?|lbs?|pounds))",
    )
});
static AVAILABILITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:shifts|(?:night|day|late|early|weekend|rotating) shift|shift (?:work|pattern|rota|system)|weekends?|night(?:s| work)|overtime|on[- ]call|travel(?:ling|ing)?|relocat\w+|full[- ]time|part[- ]time|start (?:date|immediately|by)|available|availability|flexible (?:hours|schedule|with)|hours (?:a|per) week|public holidays|bank holidays|office days?|days? (?:a|per) week|commut\w+|on[- ]?site|time ?zone)\b",
    )
});

/// What the line is good for. The strictest reading wins.
pub fn kind_of(line: &str) -> LineKind {
    if PERMIT.is_match(line) {
        LineKind::WorkPermit
    } else if LANGUAGE.is_match(line) {
        // "Native speaker" becomes a question about working in the language, never about origin.
        LineKind::Language
    } else if PROHIBITED.is_match(line) {
        LineKind::Prohibited
    } else if PHYSICAL.is_match(line) {
        LineKind::Physical
    } else if AVAILABILITY.is_match(line) {
        LineKind::Availability
    } else if CREDENTIAL.is_match(line) {
        LineKind::Credential
    } else {
        LineKind::Subject
    }
}

/// The language a line asks for, as a name.
pub fn language_in(line: &str) -> Option<String> {
    const NAMES: &[&str] = &[
        "English",
        "German",
        "French",
        "Spanish",
        "Italian",
        "Greek",
        "Portuguese",
        "Dutch",
        "Polish",
        "Arabic",
        "Mandarin",
        "Chinese",
        "Japanese",
        "Korean",
        "Turkish",
        "Hindi",
        "Swedish",
        "Danish",
        "Norwegian",
        "Finnish",
        "Czech",
        "Romanian",
        "Ukrainian",
        "Russian",
    ];
    let line = line.to_lowercase();
    NAMES
        .iter()
        .find(|name| line.contains(&name.to_lowercase()))
        .map(|name| (*name).to_owned())
}

static ASKS_PROHIBITED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:how old|your age|date of birth|year were you born|when were you born|when did you graduate|graduation year|",
        r"are you married|marital|your (?:husband|wife|spouse|partner|family|children|kids)|have (?:kids|children|a family)|are you pregnan|your childcare|plan to have (?:a )?(?:child|kid|bab|famil)|",
        r"your religion|are you .{0,12}religious|do you pray|your church|which (?:religious )?holidays|your (?:race|ethnicity|ancestry|nationality|citizenship|gender|sex|orientation|sexuality)|",
        r"where (?:are|were) you (?:from|born)|originally from|country of birth|native (?:language|speaker|tongue)|mother tongue|first language|your accent|",
        r"(?:your|you have|have you|are you) .{0,20}disab|your health|medical (?:history|condition)|medication do you take|sick days|how tall|how much do you weigh|your (?:height|weight)|",
        r"(?:been|were) (?:arrested|convicted)|criminal record|military discharge|(?:in a|your) union|your (?:politic|party)|do you vote|",
        r"(?:current|previous|last|past) (?:salary|pay|compensation)|how much (?:do|did) you (?:earn|make)|credit (?:score|history)|photo of you|emergency contact)",
    ))
});

/// The words of `text` that ask for something an interview must not ask for.
pub fn prohibited_in(text: &str) -> Option<String> {
    ASKS_PROHIBITED.find(text).map(|found| found.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted_by_what_may_be_asked() {
        for (line, expected) in [
            ("3+ years Python", LineKind::Subject),
            ("Registered nurse licence (NMC)", LineKind::Credential),
            ("Valid driver's license", LineKind::Credential),
            ("Native English speaker", LineKind::Language),
            ("Fluent in German, at least C1", LineKind::Language),
            ("Eligible to work in Germany", LineKind::WorkPermit),
            ("Able to lift 25 kg", LineKind::Physical),
            ("On-call one week in six", LineKind::Availability),
            ("Rotating shifts including weekends", LineKind::Availability),
            ("Young, dynamic candidates under 30", LineKind::Prohibited),
            ("US citizens only", LineKind::Prohibited),
            ("Female candidates preferred", LineKind::Prohibited),
            ("Clean criminal record", LineKind::Prohibited),
            ("Care for young children on the ward", LineKind::Subject),
            ("Care for ten patients per shift", LineKind::Subject),
            ("Manage family accounts", LineKind::Subject),
        ] {
            assert_eq!(kind_of(line), expected, "{line}");
        }
    }

    #[test]
    fn what_must_not_be_asked_is_recognised() {
        for text in [
            "How old are you?",
            "Do you have children?",
            "Where are you originally from?",
            "What was your last salary?",
        ] {
            assert!(prohibited_in(text).is_some(), "{text}");
        }
        for text in [
            "Are you authorised to work in Greece?",
            "Could you work night shifts?",
            "How do you calm an angry patient?",
        ] {
            assert_eq!(prohibited_in(text), None, "{text}");
        }
    }
}
