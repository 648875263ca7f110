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
        r"(?i)\b(?:years old|age (?:limit|range|between|under|over)|aged \d|under \d\d only|young(?:er)?\b.{0,20}\b(?:candidate|person|people|team member|energetic|dynamic)|young and\b|",
        r"(?:male|female|men|women|gender)\b.{0,20}\b(?:only|candidates?|preferred)|(?:only|preferably) (?:male|female|men|women)|",
        r"marital|(?:un)?married|single (?:person|candidate|people)|no (?:\w+ )?(?:children|kids)|child[- ]?(?:free|less)|(?:not|no|nor|never|or|be|is|are|currently) (?:\w+ )?pregnan|famil(?:y|ies) status|",
        r"religio|christian\b|muslim\b|jewish\b|hindu\b|church member|ethnic|race(?:,|/| or| and)|nationality|national origin|citizens?(?:hip)?\b|born in|native[- ]born|native (?:\w+ )?speakers?|(?:no|without(?: an?| any)?|foreign|strong|neutral) accent|",
        r"sexual (?:orientation|preference)|sexuality|(?:no|without|free of|any) (?:\w+ )?disabilit|(?:not|non-?|candidates? )disabled|able[- ]bodied|in good health|(?:be|must be|is|are|physically|young,?|fit and|strong and) healthy|healthy (?:persons?|people|candidates?|applicants?|lifestyle)|no health|medical history|(?:be an?|is an?|are|only) non[- ]?smok|non[- ]?smok\w+ only|",
        r"(?:minimum|min\.?|body|your) height|height (?:of|requirement|between|at least|\d)|body weight|(?:young|and|be|is|physically|an) attractive|attractive (?:appearance|persons?|people|candidates?|looks?)|good[- ]looking|(?:with|send|attach\w*|include|recent|your|a) photo\b|",
        r"criminal record|arrest|police record|military discharge|union member|political(?:ly)? (?:views?|affiliat\w+|opinions?|party|beliefs?|activ\w+|orientation)|credit (?:score|history|check)|salary history|previous salary|graduat(?:ed|ion) (?:year|in \d)|",
        // How somebody speaks or seems is nobody's merit.
        r"(?:confident|pleasant|strong|young) voice|(?:keeps?|makes?|good) eye contact|speech rate|filler words|sounds? (?:confident|enthusiastic|nervous|young|old))",
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

/// The words of a criterion that would rate something nobody may be rated by.
pub fn rates_prohibited(text: &str) -> Option<String> {
    PROHIBITED.find(text).map(|found| found.as_str().to_owned())
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

    // spec: EMMA-5
    #[test]
    fn nobody_is_rated_by_who_they_are_and_work_with_people_is_work() {
        for text in [
            "Young and unmarried",
            "Native English speaker without an accent",
            "Healthy people only",
            "Sounds confident on the phone",
            "Not pregnant",
        ] {
            assert!(rates_prohibited(text).is_some(), "{text}");
        }
        for text in [
            "Photo editing",
            "Reads the body language of patients",
            "Working at height",
            "Finding race conditions",
            "Cooking healthy food",
            "Care for pregnant women",
            "Supporting people with disabilities",
            "Political reporting",
            "Work in Christiansand",
        ] {
            assert_eq!(rates_prohibited(text), None, "{text}");
        }
    }
}
