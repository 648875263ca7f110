//! Names and abbreviations that are not said as they are written. Plain acronyms (API, AWS) stay: a voice spells
//! capitals by itself.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Written, said. Longer ones first where one begins another. Case matters.
const TERMS: &[(&str, &str)] = &[
    ("CI/CD", "CI CD"),
    ("TCP/IP", "TCP IP"),
    ("UI/UX", "UI UX"),
    ("UX/UI", "UX UI"),
    ("A/B", "A B"),
    ("I/O", "I O"),
    ("B2B", "B to B"),
    ("B2C", "B to C"),
    ("P2P", "P to P"),
    ("24/7", "twenty-four seven"),
    ("50/50", "fifty-fifty"),
    ("C++", "C plus plus"),
    ("c++", "C plus plus"),
    ("C#", "C sharp"),
    ("c#", "C sharp"),
    ("F#", "F sharp"),
    ("J#", "J sharp"),
    ("ASP.NET", "ASP dot net"),
    (".NET", "dot net"),
    (".Net", "dot net"),
    (".net", "dot net"),
    ("Node.js", "Node JS"),
    ("node.js", "Node JS"),
    ("NodeJS", "Node JS"),
    ("Next.js", "Next JS"),
    ("Vue.js", "Vue JS"),
    ("React.js", "React JS"),
    ("D3.js", "D three JS"),
    ("Three.js", "Three JS"),
    ("Express.js", "Express JS"),
    ("Nuxt.js", "Nuxt JS"),
    ("Web3", "web three"),
    ("OAuth2", "OAuth two"),
    ("OAuth 2.0", "OAuth two"),
    ("HTTP/2", "HTTP two"),
    ("HTTP/3", "HTTP three"),
    ("EC2", "EC two"),
    ("S3", "S three"),
    ("k8s", "Kubernetes"),
    ("K8s", "Kubernetes"),
    ("i18n", "internationalization"),
    ("L10n", "localization"),
    ("a11y", "accessibility"),
    ("R&D", "R and D"),
    ("Q&A", "Q and A"),
    ("P&L", "P and L"),
    ("w/o", "without"),
    ("w/", "with"),
    ("N/A", "not applicable"),
    ("n/a", "not applicable"),
    ("and/or", "and or"),
    ("he/she", "he or she"),
    ("Ph.D.", "PhD"),
    ("Ph.D", "PhD"),
    ("M.Sc.", "MSc"),
    ("B.Sc.", "BSc"),
    ("U.S.A.", "USA"),
    ("U.S.", "US"),
    ("U.K.", "UK"),
    ("E.U.", "EU"),
    ("e.g.,", "for example,"),
    ("e.g.", "for example,"),
    ("i.e.,", "that is,"),
    ("i.e.", "that is,"),
    ("etc.,", "et cetera,"),
    ("vs.", "versus"),
    ("vs", "versus"),
    ("approx.", "approximately"),
    ("incl.", "including"),
    ("excl.", "excluding"),
    ("yrs.", "years"),
    ("yrs", "years"),
    ("yr", "year"),
    ("mos.", "months"),
    ("hrs", "hours"),
    ("mins", "minutes"),
    ("Dr.", "Doctor"),
    ("Mr.", "Mister"),
    ("Mrs.", "Missus"),
    ("Prof.", "Professor"),
    ("Sr.", "Senior"),
    ("Jr.", "Junior"),
    ("Dept.", "Department"),
    ("dept.", "department"),
    ("FYI", "for your information"),
    ("ASAP", "as soon as possible"),
    ("TBD", "to be decided"),
    ("WFH", "working from home"),
];

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let mut written: Vec<&str> = TERMS.iter().map(|(written, _)| *written).collect();
    written.sort_by_key(|term| std::cmp::Reverse(term.len()));
    let any: Vec<String> = written.iter().map(|term| regex::escape(term)).collect();
    // The character in front and the one behind are looked at by `said`: the terms hold what \b trips over.
    Regex::new(&any.join("|")).expect("the terms are escaped")
});
static ETC: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\betc\.(\s+[\p{Lu}]|\s*$)?").expect("fixed"));
static VERSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bv([0-9]+(?:\.[0-9]+)*)\b").expect("fixed"));
static SLASHED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\p{L}{2,})\s?/\s?(\p{L}{2,})").expect("fixed"));
static HASHTAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(^|\s)#(\p{L})").expect("fixed"));

/// Writes terms and abbreviations as they are said.
pub fn said(text: &str) -> String {
    let text = PATTERN.replace_all(text, |found: &Captures<'_>| {
        let written = &found[0];
        let whole = found.get(0).map_or((0, 0), |m| (m.start(), m.end()));
        let before = text[..whole.0].chars().next_back();
        let after = text[whole.1..].chars().next();
        let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        // ".NET" may be glued to a word, but "site.net" is an address.
        let open = if written.starts_with('.') {
            before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '/'))
        } else {
            free(before)
        };
        if open && (free(after) || written == "w/") {
            term(written).to_owned()
        } else {
            written.to_owned()
        }
    });
    // "etc." at an end of a sentence keeps the full stop.
    let text = ETC.replace_all(&text, |c: &Captures<'_>| match c.get(1) {
        Some(next) => format!("et cetera.{}", next.as_str()),
        None => "et cetera".to_owned(),
    });
    let text = VERSION.replace_all(&text, |c: &Captures<'_>| format!("version {}", &c[1]));
    let text = HASHTAG.replace_all(&text, "$1$2");
    // Alternatives, twice for "a/b/c"; capitals are names in one breath ("HTML/CSS").
    let alternatives = |text: &str| {
        SLASHED
            .replace_all(text, |c: &Captures<'_>| {
                let capitals = |word: &str| word.chars().all(char::is_uppercase);
                let word = if capitals(&c[1]) && capitals(&c[2]) {
                    " "
                } else {
                    " or "
                };
                format!("{}{word}{}", &c[1], &c[2])
            })
            .into_owned()
    };
    alternatives(&alternatives(&text))
}

fn term(written: &str) -> &'static str {
    TERMS
        .iter()
        .find(|(known, _)| *known == written)
        .map_or("", |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::screening::calls::domain::speakable::tests::check;

    #[test]
    fn says_terms() {
        check(
            said,
            &[
                ("CI/CD pipelines", "CI CD pipelines"),
                ("C++, C# and .NET", "C plus plus, C sharp and dot net"),
                ("Node.js or Vue.js?", "Node JS or Vue JS?"),
                ("support 24/7", "support twenty-four seven"),
                ("tools, e.g. Docker", "tools, for example, Docker"),
                ("tools (e.g., Docker)", "tools (for example, Docker)"),
                ("Docker, Git, etc.", "Docker, Git, et cetera."),
                ("Git, etc. and more", "Git, et cetera and more"),
                ("Git, etc. Then we talk", "Git, et cetera. Then we talk"),
                ("Dr. Smith", "Doctor Smith"),
                ("HTML/CSS", "HTML CSS"),
                ("front/back", "front or back"),
                ("red/green/blue", "red or green or blue"),
                ("and/or", "and or"),
                ("B2B SaaS", "B to B SaaS"),
                ("an S3 bucket", "an S three bucket"),
                ("APIs and SQL", "APIs and SQL"),
                ("R&D", "R and D"),
                ("k8s", "Kubernetes"),
                ("v2.1", "version 2.1"),
                ("canvas", "canvas"),
                ("VS Code vs. Vim", "VS Code versus Vim"),
                ("#rust", "rust"),
            ],
        );
    }
}
