//! The token table of a ggml Whisper file, read from a `tokenizer.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConvertError;

/// Tokens the file holds; whisper.cpp makes the special ones after them itself.
pub const TOKENS: usize = 50_257;

#[derive(Deserialize)]
struct TokenizerFile {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: BTreeMap<String, usize>,
}

/// The bytes of the tokens 0 to 50256 in the order of their ids.
///
/// The multilingual table ends there and has `<|endoftext|>` behind it; the English one has it as its last.
pub fn read(tokenizer_json: &[u8]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let file: TokenizerFile =
        serde_json::from_slice(tokenizer_json).map_err(|e| ConvertError::Vocabulary(e.to_string()))?;
    let bytes = byte_of_char();
    let mut tokens: Vec<Option<Vec<u8>>> = vec![None; TOKENS];
    for (text, id) in file.model.vocab {
        let Some(place) = tokens.get_mut(id) else { continue };
        let decoded = text
            .chars()
            .map(|c| bytes.get(&c).copied())
            .collect::<Option<Vec<u8>>>();
        *place = Some(decoded.ok_or_else(|| ConvertError::Vocabulary(format!("token {id} is not byte-level text")))?);
    }
    tokens
        .into_iter()
        .enumerate()
        .map(|(id, token)| token.ok_or_else(|| ConvertError::Vocabulary(format!("token {id} is missing"))))
        .collect()
}

/// GPT-2's stand-ins: printable characters mean themselves, the other bytes are shown from U+0100 on.
fn byte_of_char() -> BTreeMap<char, u8> {
    let printable = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut next_stand_in = 0x100..;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let shown = if printable(byte) {
                Some(u32::from(byte))
            } else {
                next_stand_in.next()
            };
            shown.and_then(char::from_u32).map(|c| (c, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_cover_every_byte_once() {
        let table = byte_of_char();
        assert_eq!(table.len(), 256);
        assert_eq!(table.get(&'Ġ'), Some(&b' '));
        assert_eq!(table.get(&'Ċ'), Some(&b'\n'));
        assert_eq!(table.get(&'a'), Some(&b'a'));
    }

    #[test]
    fn a_gap_in_the_ids_is_an_error() {
        let json = br#"{"model":{"vocab":{"a":0,"b":2}}}"#;
        assert_eq!(
            read(json),
            Err(ConvertError::Vocabulary("token 1 is missing".to_owned()))
        );
    }
}
