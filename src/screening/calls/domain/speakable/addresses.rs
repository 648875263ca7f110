//! Mail addresses, links and telephone numbers.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::screening::calls::domain::speakable::numbers::digits;

static MAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:mailto:)?([a-z0-9][a-z0-9._%+-]*)@([a-z0-9-]+(?:\.[a-z0-9-]+)+)\b").expect("fixed")
});
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:https?://(?:www\.)?|www\.)([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]+)?([/?#][^\s<>()]*)?")
        .expect("fixed")
});
static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b([a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})*\.(?:com|org|net|io|dev|eu|gr|co|uk|de|fr|es|edu|gov|info|tech|app|ai))\b(/[^\s<>()]*)?").expect("fixed")
});
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|[\s(:])((?:\+[0-9]{1,3}|00[0-9]{2})(?:[\s.-]?\(?[0-9]{1,5}\)?){2,6}|\([0-9]{3}\)\s?[0-9]{3}[\s.-][0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4})([\s.,;:!?)]|$)")
        .expect("fixed")
});

/// Writes addresses and telephone numbers as they are said.
pub fn said(text: &str) -> String {
    let text = MAIL.replace_all(text, |c: &Captures<'_>| format!("{} at {}", name(&c[1]), host(&c[2])));
    let text = LINK.replace_all(&text, |c: &Captures<'_>| {
        link(&c[1], c.get(2).map_or("", |m| m.as_str()))
    });
    let text = DOMAIN.replace_all(&text, |c: &Captures<'_>| match &c[1] {
        // A framework, not an address.
        framework if framework.rsplit('.').next() == Some("NET") => c[0].to_owned(),
        domain => link(domain, c.get(2).map_or("", |m| m.as_str())),
    });
    PHONE
        .replace_all(&text, |c: &Captures<'_>| format!("{}{}{}", &c[1], phone(&c[2]), &c[3]))
        .into_owned()
}

/// The part in front of the @.
fn name(local: &str) -> String {
    let spaced = local
        .replace('.', " dot ")
        .replace('_', " underscore ")
        .replace('-', " dash ")
        .replace('+', " plus ");
    figures_apart(&spaced)
}

fn host(domain: &str) -> String {
    let labels: Vec<String> = domain
        .split('.')
        .map(|label| match label.to_lowercase().as_str() {
            // Read as words everywhere; two letters are spelled.
            short @ ("io" | "ai" | "eu" | "gr" | "uk" | "de" | "fr" | "es" | "tv" | "hr" | "hq") => {
                short.to_uppercase()
            }
            _ => figures_apart(&label.replace('-', " dash ")),
        })
        .collect();
    labels.join(" dot ")
}

/// The host, and the path while it is short enough to be of use to an ear. The full stop of a sentence stays.
fn link(domain: &str, path: &str) -> String {
    let bare = path.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    let mark = &path[bare.len()..];
    let parts: Vec<&str> = bare.split('/').filter(|part| !part.is_empty()).collect();
    let plain = parts
        .iter()
        .all(|part| part.len() <= 20 && part.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'));
    let mut said = host(domain);
    if plain && parts.len() <= 2 {
        for part in parts {
            said.push_str(" slash ");
            said.push_str(&figures_apart(
                &part.replace('-', " dash ").replace('_', " underscore "),
            ));
        }
    }
    said + mark
}

/// "42" in a name is said figure by figure.
fn figures_apart(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            let spaced = if out.is_empty() || out.ends_with(' ') { "" } else { " " };
            out = format!("{out}{spaced}{}", digits(&run));
            run.clear();
            if c != '\0' && c != ' ' {
                out.push(' ');
            }
        }
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

/// Groups of figures, each followed by a short pause.
fn phone(written: &str) -> String {
    let plus = if written.starts_with('+') { "plus " } else { "" };
    let groups: Vec<String> = written
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .flat_map(|group| {
            // A long run is said in threes.
            let bytes = group.as_bytes();
            if bytes.len() <= 4 {
                vec![digits(group)]
            } else {
                bytes.chunks(3).map(|c| digits(&String::from_utf8_lossy(c))).collect()
            }
        })
        .collect();
    format!("{plus}{}", groups.join(", "))
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::screening::calls::domain::speakable::tests::check;

    #[test]
    fn says_addresses() {
        check(
            said,
            &[
                ("Write to jobs@acme.com.", "Write to jobs at acme dot com."),
                (
                    "maria.k-p_2@mail.example.co.uk",
                    "maria dot k dash p underscore two at mail dot example dot co dot UK",
                ),
                (
                    "See https://www.example.com/careers.",
                    "See example dot com slash careers.",
                ),
                ("https://example.io/a/b/c?x=1#y", "example dot IO"),
                ("go to acme-tech.eu now", "go to acme dash tech dot EU now"),
                (
                    "Call +30 210 123 4567.",
                    "Call plus three zero, two one zero, one two three, four five six seven.",
                ),
                (
                    "Call (555) 123-4567 today",
                    "Call five five five, one two three, four five six seven today",
                ),
                ("555-123-4567", "five five five, one two three, four five six seven"),
                ("Node.js and ASP.NET stay", "Node.js and ASP.NET stay"),
                ("from 2019-2024 or so", "from 2019-2024 or so"),
            ],
        );
    }
}
