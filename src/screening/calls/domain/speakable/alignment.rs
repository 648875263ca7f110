//! Which part of a written text has been heard when some words of its spoken form have been.

/// The beginning of `written` that is said by the first `heard` words of `spoken`, which is `written` made speakable.
/// Words that are the same in both tie the two together; what stands between two ties counts as heard when all the
/// words said for it are.
pub fn heard_part<'a>(written: &'a str, spoken: &str, heard: usize) -> &'a str {
    let ends = word_ends(written);
    let (a, b) = (keys(written), keys(spoken));
    if heard >= b.len() {
        return written;
    }
    let mut part = 0;
    for (end_a, end_b) in ties(&a, &b) {
        if end_b <= heard {
            part = end_a;
        }
    }
    part.checked_sub(1)
        .and_then(|last| ends.get(last))
        .map_or("", |end| &written[..*end])
}

fn keys(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            word.chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect()
        })
        .collect()
}

/// Byte behind each word.
fn word_ends(text: &str) -> Vec<usize> {
    text.split_whitespace()
        .map(|word| word.as_ptr() as usize - text.as_ptr() as usize + word.len())
        .collect()
}

/// Pairs (words of `a`, words of `b`) up to which both say the same: the longest common subsequence.
fn ties(a: &[String], b: &[String]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] && !a[i].is_empty() {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] && !a[i].is_empty() {
            // What stands before a tie is said when the tie begins.
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
            found.push((i, j));
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::heard_part;
    use crate::screening::calls::domain::speakable::speakable;

    #[test]
    fn finds_what_was_heard_of_the_written_text() {
        let written = "It pays $3,000-4,500 / month, all remote.";
        let spoken = speakable(written);
        let heard = |words| heard_part(written, &spoken, words);
        assert_eq!(heard(0), "");
        assert_eq!(heard(2), "It pays");
        assert_eq!(heard(5), "It pays", "the amount is not said to its end");
        let amount = spoken.split_whitespace().position(|w| w == "all").unwrap();
        assert_eq!(heard(amount), "It pays $3,000-4,500 / month,");
        assert_eq!(heard(amount + 1), "It pays $3,000-4,500 / month, all");
        assert_eq!(heard(99), written);
    }

    #[test]
    fn plain_text_is_heard_word_by_word() {
        assert_eq!(
            heard_part("Thank you, Ana. Bye", "Thank you, Ana. Bye", 3),
            "Thank you, Ana."
        );
        assert_eq!(heard_part("", "", 0), "");
        assert_eq!(heard_part("a a a", "a a a", 2), "a a");
    }
}
