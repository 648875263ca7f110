//! `tokenizer.json` of all-MiniLM-L6-v2 from a published list of BERT's vocabulary.

use std::fmt::Write as _;

/// Everything in front of the vocabulary.
const HEAD: &str = concat!(
    r#"{"version":"1.0","truncation":{"max_length":128,"strategy":"LongestFirst","stride":0},"#,
    r#""padding":{"strategy":{"Fixed":128},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"},"#,
    r#""added_tokens":[@ADDED@],"#,
    r#""normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"#,
    r#""pre_tokenizer":{"type":"BertPreTokenizer"},"#,
    r#""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"#,
    r#""pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],"#,
    r#""special_tokens":{"[CLS]":{"id":"[CLS]","ids":[101],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[102],"tokens":["[SEP]"]}}},"#,
    r###""decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"###,
    r###""model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"###,
);
const ADDED: [(usize, &str); 5] = [
    (0, "[PAD]"),
    (100, "[UNK]"),
    (101, "[CLS]"),
    (102, "[SEP]"),
    (103, "[MASK]"),
];
/// Tokens before this one are markers and placeholders, written as they are.
const FIRST_REAL_TOKEN: usize = 999;
/// The list marks the beginning of a word; `tokenizer.json` marks what is not one, by `##`.
const WORD_START: char = '▁';

/// Builds the file from the list of tokens in the order of their ids.
///
/// # Errors
/// When the list is no JSON array of strings.
pub fn tokenizer_json(vocabulary: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let tokens: Vec<String> = serde_json::from_slice(vocabulary)?;
    let added: Vec<String> = ADDED
        .iter()
        .map(|(id, token)| {
            format!(
                r#"{{"id":{id},"special":true,"content":"{token}","single_word":false,"lstrip":false,"rstrip":false,"normalized":false}}"#
            )
        })
        .collect();
    let mut out = HEAD.replace("@ADDED@", &added.join(","));
    for (id, token) in tokens.iter().enumerate() {
        let word = match (id, token.strip_prefix(WORD_START)) {
            // The list has the bare mark where BERT has its first placeholder.
            (1, Some("")) => "[unused0]".to_owned(),
            (_, Some(rest)) => rest.to_owned(),
            (..FIRST_REAL_TOKEN, None) => token.clone(),
            (_, None) => format!("##{token}"),
        };
        let comma = if id == 0 { "" } else { "," };
        let key = serde_json::to_string(&word)?;
        write!(out, "{comma}{key}:{id}").expect("writing to a string");
    }
    out.push_str("}}}");
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_word_parts_instead_of_word_starts() {
        let mut tokens = vec!["[x]".to_owned(); FIRST_REAL_TOKEN];
        tokens[1] = "▁".to_owned();
        tokens.extend(["▁hello", "ing", "▁\""].map(str::to_owned));

        let json = tokenizer_json(&serde_json::to_vec(&tokens).unwrap()).unwrap();

        let file: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let vocabulary = &file["model"]["vocab"];
        assert_eq!(vocabulary["[unused0]"], 1);
        assert_eq!(vocabulary["hello"], FIRST_REAL_TOKEN);
        assert_eq!(vocabulary["##ing"], FIRST_REAL_TOKEN + 1);
        assert_eq!(vocabulary["\""], FIRST_REAL_TOKEN + 2);
        assert_eq!(file["added_tokens"][4]["content"], "[MASK]");
    }
}
