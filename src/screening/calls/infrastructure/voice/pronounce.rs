//! How words are said that pronunciation dictionaries lack or get wrong: the names of tools and trades.
//! IPA as espeak writes American English.

/// Word, pronunciation. Looked up as written, then in lower case; sorted by subject only.
const WORDS: &[(&str, &str)] = &[
    // Data
    ("PostgreSQL", "pˈoʊstɡɹɛs kjˌuːˈɛl"),
    ("Postgres", "pˈoʊstɡɹɛs"),
    ("MySQL", "mˌaɪ sˈiːkwəl"),
    ("NoSQL", "nˌoʊ sˈiːkwəl"),
    ("SQLite", "sˈiːkwəl lˌaɪt"),
    ("SQL", "sˈiːkwəl"),
    ("MongoDB", "mˈɑːŋɡoʊ dˌiːbˈiː"),
    ("Redis", "ɹˈɛdɪs"),
    ("Kafka", "kˈɑːfkə"),
    ("RabbitMQ", "ɹˈæbɪt ˌɛmkjˈuː"),
    ("Elasticsearch", "ɪlˈæstɪk sˌɜːtʃ"),
    ("Databricks", "dˈeɪɾə bɹˌɪks"),
    ("BigQuery", "bˈɪɡ kwˌɪɹi"),
    ("NumPy", "nˈʌm pˌaɪ"),
    ("SciPy", "sˈaɪ pˌaɪ"),
    ("PyTorch", "pˈaɪ tˌɔːɹtʃ"),
    ("JSON", "dʒˈeɪsən"),
    ("YAML", "jˈæməl"),
    ("ASCII", "ˈæski"),
    ("ETL", "ˌiːtˌiːˈɛl"),
    // Operations
    ("Kubernetes", "kˌuːbɚnˈɛɾiːz"),
    ("nginx", "ˈɛndʒɪn ˈɛks"),
    ("Ansible", "ˈænsɪbəl"),
    ("DevOps", "dˈɛv ˌɑːps"),
    ("DevSecOps", "dˈɛv sˌɛk ˌɑːps"),
    ("MLOps", "ˌɛmˈɛl ˌɑːps"),
    ("Grafana", "ɡɹəfˈɑːnə"),
    ("Prometheus", "pɹəmˈiːθiəs"),
    ("SaaS", "sˈæs"),
    ("PaaS", "pˈæs"),
    ("IaaS", "ˈaɪæs"),
    ("Azure", "ˈæʒɚ"),
    ("OAuth", "ˈoʊ ˌɔːθ"),
    ("Linux", "lˈɪnʊks"),
    ("Ubuntu", "ʊbˈʊntuː"),
    // Languages and frameworks
    ("Django", "dʒˈæŋɡoʊ"),
    ("FastAPI", "fˈæst ˌeɪpˌiːˈaɪ"),
    ("Vue", "vjˈuː"),
    ("Golang", "ɡˈoʊ lˌæŋ"),
    ("Laravel", "lˈɛɹəvˌɛl"),
    ("TypeScript", "tˈaɪp skɹˌɪpt"),
    ("GraphQL", "ɡɹˈæf kjˌuːˈɛl"),
    ("gRPC", "dʒˌiː ˌɑːɹpˌiːsˈiː"),
    ("WebRTC", "wˈɛb ˌɑːɹtˌiːsˈiː"),
    ("tokio", "tˈoʊkioʊ"),
    ("axum", "ˈæksəm"),
    ("async", "ˈeɪ sˌɪŋk"),
    ("CRUD", "kɹˈʌd"),
    ("REST", "ɹˈɛst"),
    ("RESTful", "ɹˈɛstfəl"),
    ("AJAX", "ˈeɪdʒæks"),
    ("GUI", "ɡˈuːi"),
    ("webhook", "wˈɛb hˌʊk"),
    ("frontend", "fɹˈʌnt ˌɛnd"),
    ("backend", "bˈæk ˌɛnd"),
    ("fullstack", "fˈʊl stˌæk"),
    ("microservice", "mˈaɪkɹoʊ sˌɜːvɪs"),
    ("middleware", "mˈɪdəl wˌɛɹ"),
    ("codebase", "kˈoʊd bˌeɪs"),
    ("fintech", "fˈɪn tˌɛk"),
    // Names
    ("Jira", "dʒˈɪɹə"),
    ("Figma", "fˈɪɡmə"),
    ("LinkedIn", "lˈɪŋkt ˌɪn"),
    ("WhatsApp", "wˈʌts ˌæp"),
    ("GitHub", "ɡˈɪt hˌʌb"),
    ("GitLab", "ɡˈɪt lˌæb"),
    ("Zapier", "zˈæpiɚ"),
    ("Shopify", "ʃˈɑːpɪfˌaɪ"),
    ("Trello", "tɹˈɛloʊ"),
    ("iOS", "ˌaɪ oʊˈɛs"),
    ("macOS", "mˈæk oʊˈɛs"),
    ("TOEFL", "tˈoʊfəl"),
    ("IELTS", "ˈaɪɛlts"),
    ("NASA", "nˈæsə"),
    ("NATO", "nˈeɪɾoʊ"),
];

const LETTERS: [&str; 26] = [
    "ˈeɪ",
    "bˈiː",
    "sˈiː",
    "dˈiː",
    "ˈiː",
    "ˈɛf",
    "dʒˈiː",
    "ˈeɪtʃ",
    "ˈaɪ",
    "dʒˈeɪ",
    "kˈeɪ",
    "ˈɛl",
    "ˈɛm",
    "ˈɛn",
    "ˈoʊ",
    "pˈiː",
    "kjˈuː",
    "ˈɑːɹ",
    "ˈɛs",
    "tˈiː",
    "jˈuː",
    "vˈiː",
    "dˈʌbəljˌuː",
    "ˈɛks",
    "wˈaɪ",
    "zˈiː",
];
const DIGITS: [&str; 10] = [
    "zˈiəɹoʊ",
    "wˈʌn",
    "tˈuː",
    "θɹˈiː",
    "fˈɔːɹ",
    "fˈaɪv",
    "sˈɪks",
    "sˈɛvən",
    "ˈeɪt",
    "nˈaɪn",
];

/// Short words that are no abbreviations when somebody writes them large.
const SHOUTED: &[&str] = &[
    "AN", "AS", "AT", "IF", "IN", "IS", "ON", "OR", "OF", "UP", "AND", "ALL", "ASK", "END", "OLD", "ACT", "ADD", "ARM",
    "ART", "EGG", "ILL", "INK", "OFF", "ODD", "OWN", "UGH",
];

/// The IPA of a word the dictionaries lack or misread, its plural and its possessive, without marks around it.
pub fn known(word: &str) -> Option<String> {
    if let Some(ipa) = lookup(word) {
        return Some(ipa.to_owned());
    }
    if is_initials(word) {
        return Some(in_one_breath(&spelled(word)));
    }
    let base = word
        .strip_suffix("'s")
        .or_else(|| word.strip_suffix("’s"))
        .or_else(|| word.strip_suffix('s'))?;
    let ipa = lookup(base)?;
    let ending = match ipa.chars().last() {
        Some('s' | 'z' | 'ʃ' | 'ʒ') => "ɪz",
        Some('p' | 't' | 'k' | 'f' | 'θ') => "s",
        _ => "z",
    };
    Some(format!("{ipa}{ending}"))
}

/// The names of a word's letters and digits, in IPA; nothing else is said.
pub fn spelled(word: &str) -> String {
    let names: Vec<&str> = word
        .chars()
        .filter_map(|c| match c.to_ascii_lowercase() {
            letter @ 'a'..='z' => Some(LETTERS[letter as usize - 'a' as usize]),
            digit @ '0'..='9' => Some(DIGITS[digit as usize - '0' as usize]),
            _ => None,
        })
        .collect();
    names.join(" ")
}

/// Capitals that cannot be a word, such as AWS and SQS: no vowel behind the first letter. The dictionaries take the
/// S at the end of some for a plural.
fn is_initials(word: &str) -> bool {
    let vowel = |b: u8| matches!(b, b'A' | b'E' | b'I' | b'O' | b'U' | b'Y');
    (2..=5).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_uppercase())
        && !word.bytes().skip(1).any(vowel)
        && !SHOUTED.contains(&word)
}

/// Letters said as one word with the stress on the last, as the dictionaries write abbreviations.
fn in_one_breath(letters: &str) -> String {
    let mut names: Vec<String> = letters
        .split(' ')
        .map(|name| name.replace('ˌ', "").replace('ˈ', "ˌ"))
        .collect();
    if let Some(last) = names.last_mut() {
        *last = last.replace('ˌ', "ˈ");
    }
    names.concat()
}

fn lookup(word: &str) -> Option<&'static str> {
    let exact = WORDS.iter().find(|(known, _)| *known == word);
    // A word in capitals only is another word in small letters: REST and rest.
    let loose = || {
        WORDS
            .iter()
            .find(|(known, _)| !known.chars().all(char::is_uppercase) && known.eq_ignore_ascii_case(word))
    };
    exact.or_else(loose).map(|(_, ipa)| *ipa)
}

#[cfg(test)]
mod tests {
    use super::{known, spelled};

    #[test]
    fn knows_tools_in_any_spelling_with_plural_and_possessive() {
        assert_eq!(known("kubernetes").as_deref(), Some("kˌuːbɚnˈɛɾiːz"));
        assert_eq!(known("webhooks").as_deref(), Some("wˈɛb hˌʊks"));
        assert_eq!(known("microservices").as_deref(), Some("mˈaɪkɹoʊ sˌɜːvɪsɪz"));
        assert_eq!(known("Jira's").as_deref(), Some("dʒˈɪɹəz"));
        assert_eq!(known("REST").as_deref(), Some("ɹˈɛst"));
        assert_eq!(known("rest"), None);
        assert_eq!(known("s"), None);
        assert_eq!(known("AWS").as_deref(), Some("ˌeɪdˌʌbəljuːˈɛs"));
        assert_eq!((known("IN"), known("SALES"), known("Aws")), (None, None, None));
    }

    #[test]
    fn spells_letters_and_digits() {
        assert_eq!(spelled("xK2-é"), "ˈɛks kˈeɪ tˈuː");
    }
}
