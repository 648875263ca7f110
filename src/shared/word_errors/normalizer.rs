//! English texts made comparable, after Whisper's `EnglishTextNormalizer`: case, punctuation, fillers, contractions,
//! titles, numbers and British spellings do not count as errors. The spelling list is the common part of Whisper's.

use regex::Regex;

use crate::shared::word_errors::numbers;

/// Compiled once, used for many texts.
pub struct Normalizer {
    rules: Vec<(Regex, &'static str)>,
}

/// In this order. Case is lowered before.
const RULES: [(&str, &str); 58] = [
    (r"[’‘`]", "'"),
    (r"[<\[][^>\]]*[>\]]", ""),
    (r"\(([^)]+?)\)", ""),
    (r"\b(hmm|mm|mhm|mmm|uh|um)\b", ""),
    (r"\s+'", "'"),
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"\blet's\b", "let us"),
    (r"\bain't\b", "aint"),
    (r"\by'all\b", "you all"),
    (r"\bwanna\b", "want to"),
    (r"\bgotta\b", "got to"),
    (r"\bgonna\b", "going to"),
    (r"\bi'ma\b", "i am going to"),
    (r"\bimma\b", "i am going to"),
    (r"\bwoulda\b", "would have"),
    (r"\bcoulda\b", "could have"),
    (r"\bshoulda\b", "should have"),
    (r"\bma'am\b", "madam"),
    (r"\bmr\b", "mister "),
    (r"\bmrs\b", "missus "),
    (r"\bst\b", "saint "),
    (r"\bdr\b", "doctor "),
    (r"\bprof\b", "professor "),
    (r"\bcapt\b", "captain "),
    (r"\bgov\b", "governor "),
    (r"\bald\b", "alderman "),
    (r"\bgen\b", "general "),
    (r"\bsen\b", "senator "),
    (r"\brep\b", "representative "),
    (r"\bpres\b", "president "),
    (r"\brev\b", "reverend "),
    (r"\bhon\b", "honorable "),
    (r"\basst\b", "assistant "),
    (r"\bassoc\b", "associate "),
    (r"\blt\b", "lieutenant "),
    (r"\bcol\b", "colonel "),
    (r"\bjr\b", "junior "),
    (r"\bsr\b", "senior "),
    (r"\besq\b", "esquire "),
    (r"'d been\b", " had been"),
    (r"'s been\b", " has been"),
    (r"'d gone\b", " had gone"),
    (r"'s gone\b", " has gone"),
    (r"'d done\b", " had done"),
    (r"'s got\b", " has got"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'s\b", " is"),
    (r"'d\b", " would"),
    (r"'ll\b", " will"),
    (r"'t\b", " not"),
    (r"'ve\b", " have"),
    (r"'m\b", " am"),
    (r"(\d),(\d)", "$1$2"),
    (r"\.([^0-9]|$)", " $1"),
    (r"[^\p{L}\p{N}.%$¢€£\s]", " "),
    (r"\s+", " "),
];

impl Normalizer {
    /// # Errors
    /// Never in practice: the rules are constants.
    pub fn new() -> anyhow::Result<Self> {
        let rules = RULES.iter().map(|&(pattern, with)| Ok((Regex::new(pattern)?, with)));
        Ok(Self {
            rules: rules.collect::<anyhow::Result<_>>()?,
        })
    }

    /// The text as words that can be compared, separated by single spaces.
    pub fn normalize(&self, text: &str) -> String {
        let mut text: String = text.to_lowercase().chars().map(without_accent).collect();
        for (pattern, with) in &self.rules {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let digits = numbers::to_digits(&words);
        let mut out: Vec<&str> = Vec::with_capacity(digits.len());
        for word in &digits {
            let has_digit = word.bytes().any(|b| b.is_ascii_digit());
            let word = if has_digit {
                word.trim_matches('.')
            } else {
                word.trim_matches(['.', '%', '$', '¢', '€', '£'])
            };
            let word = american(if word == "1" { "one" } else { word });
            if !word.is_empty() {
                out.push(word);
            }
        }
        out.join(" ")
    }
}

fn without_accent(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    }
}

/// The American spelling of a British word.
fn american(word: &str) -> &str {
    SPELLINGS
        .iter()
        .find(|(british, _)| *british == word)
        .map_or(word, |&(_, american)| american)
}

const SPELLINGS: [(&str, &str); 121] = [
    ("colour", "color"),
    ("colours", "colors"),
    ("coloured", "colored"),
    ("colouring", "coloring"),
    ("favour", "favor"),
    ("favours", "favors"),
    ("favourite", "favorite"),
    ("favourites", "favorites"),
    ("favourable", "favorable"),
    ("honour", "honor"),
    ("honours", "honors"),
    ("honoured", "honored"),
    ("honourable", "honorable"),
    ("labour", "labor"),
    ("labours", "labors"),
    ("neighbour", "neighbor"),
    ("neighbours", "neighbors"),
    ("neighbouring", "neighboring"),
    ("neighbourhood", "neighborhood"),
    ("behaviour", "behavior"),
    ("behaviours", "behaviors"),
    ("humour", "humor"),
    ("rumour", "rumor"),
    ("rumours", "rumors"),
    ("vapour", "vapor"),
    ("harbour", "harbor"),
    ("harbours", "harbors"),
    ("flavour", "flavor"),
    ("flavours", "flavors"),
    ("odour", "odor"),
    ("armour", "armor"),
    ("parlour", "parlor"),
    ("endeavour", "endeavor"),
    ("endeavours", "endeavors"),
    ("splendour", "splendor"),
    ("vigour", "vigor"),
    ("valour", "valor"),
    ("saviour", "savior"),
    ("centre", "center"),
    ("centres", "centers"),
    ("theatre", "theater"),
    ("theatres", "theaters"),
    ("metre", "meter"),
    ("metres", "meters"),
    ("litre", "liter"),
    ("litres", "liters"),
    ("fibre", "fiber"),
    ("sombre", "somber"),
    ("lustre", "luster"),
    ("spectre", "specter"),
    ("defence", "defense"),
    ("offence", "offense"),
    ("licence", "license"),
    ("pretence", "pretense"),
    ("practise", "practice"),
    ("practised", "practiced"),
    ("grey", "gray"),
    ("plough", "plow"),
    ("ploughs", "plows"),
    ("mould", "mold"),
    ("moulded", "molded"),
    ("cheque", "check"),
    ("travelled", "traveled"),
    ("travelling", "traveling"),
    ("traveller", "traveler"),
    ("travellers", "travelers"),
    ("cancelled", "canceled"),
    ("cancelling", "canceling"),
    ("modelled", "modeled"),
    ("modelling", "modeling"),
    ("labelled", "labeled"),
    ("jewellery", "jewelry"),
    ("fulfil", "fulfill"),
    ("catalogue", "catalog"),
    ("dialogue", "dialog"),
    ("programme", "program"),
    ("programmes", "programs"),
    ("analyse", "analyze"),
    ("analysed", "analyzed"),
    ("organise", "organize"),
    ("organised", "organized"),
    ("organisation", "organization"),
    ("organisations", "organizations"),
    ("organising", "organizing"),
    ("realise", "realize"),
    ("realised", "realized"),
    ("realising", "realizing"),
    ("recognise", "recognize"),
    ("recognised", "recognized"),
    ("recognising", "recognizing"),
    ("apologise", "apologize"),
    ("criticise", "criticize"),
    ("emphasise", "emphasize"),
    ("summarise", "summarize"),
    ("specialise", "specialize"),
    ("specialised", "specialized"),
    ("prioritise", "prioritize"),
    ("optimise", "optimize"),
    ("optimised", "optimized"),
    ("utilise", "utilize"),
    ("maximise", "maximize"),
    ("minimise", "minimize"),
    ("characterise", "characterize"),
    ("memorise", "memorize"),
    ("sceptical", "skeptical"),
    ("manoeuvre", "maneuver"),
    ("kilometre", "kilometer"),
    ("kilometres", "kilometers"),
    ("marvellous", "marvelous"),
    ("woollen", "woolen"),
    ("gaol", "jail"),
    ("tyre", "tire"),
    ("tyres", "tires"),
    ("storey", "story"),
    ("pyjamas", "pajamas"),
    ("cosy", "cozy"),
    ("ageing", "aging"),
    ("judgement", "judgment"),
    ("draught", "draft"),
    ("moustache", "mustache"),
    ("axe", "ax"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_say_the_same_become_the_same() {
        let normalizer = Normalizer::new().expect("the rules are valid");
        let cases = [
            ("Mr. Hale, I couldn't help it!", "mister hale i could not help it"),
            ("Um, I'm, uh, going to", "i am going to"),
            ("We'll need twenty-one colours.", "we will need 21 colors"),
            ("It cost $1,250.50, i.e. 3.5%", "it cost $1250.50 i e 3.5%"),
            ("[Music] the café (applause) re-opened", "the cafe re opened"),
            ("One of the first", "one of the 1st"),
            ("He’s got it", "he has got it"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(normalizer.normalize(text), expected, "{text}");
        }
    }
}
