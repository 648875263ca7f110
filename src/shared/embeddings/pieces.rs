//! Long texts in pieces that a model reads whole: what is beyond its limit would not be in the vector.

/// Some 200 word pieces; models that take least take 256.
pub const PIECE_BYTES: usize = 800;

/// The texts of (field, text) pairs in pieces, each under its field; short ones stay as they are.
pub fn in_pieces(texts: &[(String, String)]) -> Vec<(String, String)> {
    let pieces_of = |(field, text): &(String, String)| -> Vec<(String, String)> {
        cut(text)
            .into_iter()
            .map(|piece| (field.clone(), piece.to_owned()))
            .collect()
    };
    texts.iter().flat_map(pieces_of).collect()
}

/// The text in pieces of at most [`PIECE_BYTES`]; they are as many for the same text as ever, at least one, and nothing but
/// blanks is lost between them.
pub fn cut(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > PIECE_BYTES {
        let head = &rest[..rest.floor_char_boundary(PIECE_BYTES)];
        let (piece, tail) = rest.split_at(end_of(head));
        pieces.push(piece.trim());
        rest = tail.trim_start();
    }
    let last = if pieces.is_empty() { rest } else { rest.trim_end() };
    if !last.is_empty() || pieces.is_empty() {
        pieces.push(last);
    }
    pieces
}

/// Where a piece best ends: behind a sentence in its second half, else behind a word, else where it must.
fn end_of(head: &str) -> usize {
    let half = head.ceil_char_boundary(head.len() / 2);
    let second = &head[half..];
    let sentence = second
        .rmatch_indices([' ', '\n'])
        .map(|(at, _)| at)
        .find(|at| second[..*at].ends_with(['.', '!', '?', ';', ':', '\n']));
    let end = sentence.or_else(|| second.rfind(char::is_whitespace));
    end.map_or(head.len(), |at| half + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: KNOW-4
    #[test]
    fn a_long_text_is_cut_behind_sentences_and_nothing_is_lost() {
        let sentence = "We build tools for people who look after bridges. ";
        let long = sentence.repeat(40);
        let pieces = cut(&long);
        assert_eq!(pieces.len(), 3, "{pieces:?}");
        assert!(
            pieces
                .iter()
                .all(|piece| piece.len() <= PIECE_BYTES && piece.ends_with('.'))
        );
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&pieces.join(" ")), words(&long));

        let unbroken = "é".repeat(1_000);
        let pieces = cut(&unbroken);
        assert!(pieces.len() == 3 && pieces.concat() == unbroken, "{pieces:?}");
        let no_sentence = "bridge ".repeat(300);
        assert!(cut(&no_sentence).iter().all(|piece| piece.ends_with("bridge")));
        for short in ["", "short", " kept as it is "] {
            assert_eq!(cut(short), [short]);
        }
    }
}
