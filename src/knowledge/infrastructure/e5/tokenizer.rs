//! XLM-R's tokenizer: the likeliest way to cut a text into known pieces (a unigram model, Kudo 2018), after its characters
//! are brought into one form. Ids are the same as those the model was published with.

use std::collections::BTreeMap;

use super::file::Pieces;

/// Stands for a space, as in the published pieces.
const SPACE: char = '▁';
/// How much less likely than the unlikeliest piece a character is that is in none.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Texts to ids.
pub struct Tokenizer {
    starts: Vec<u32>,
    scores: Vec<f32>,
    text: Vec<u8>,
    /// Piece + 1 by the hash of its bytes, the next free place where it is taken; 0 is free. A power of two long.
    table: Vec<u32>,
    longest_bytes: usize,
    unknown: u32,
    unknown_score: f32,
    replaced: BTreeMap<char, Vec<char>>,
    pub begin: u32,
    pub end: u32,
}

/// The best way to reach a place in the text.
#[derive(Clone, Copy)]
struct Reached {
    score: f32,
    piece: u32,
    from: usize,
}

impl Tokenizer {
    pub fn new(pieces: &Pieces<'_>) -> Self {
        let chars = |codes: &[u32]| codes.iter().filter_map(|code| char::from_u32(*code)).collect();
        let mut tokenizer = Self {
            starts: pieces.starts.clone(),
            scores: pieces.scores.clone(),
            text: pieces.text.to_vec(),
            table: vec![0; (pieces.scores.len() * 2).next_power_of_two().max(2)],
            longest_bytes: 1,
            unknown: pieces.unknown,
            unknown_score: pieces.scores.iter().copied().fold(0.0, f32::min) - UNKNOWN_PENALTY,
            replaced: pieces
                .replaced
                .iter()
                .filter_map(|(from, to)| Some((char::from_u32(*from)?, chars(to))))
                .collect(),
            begin: pieces.begin,
            end: pieces.end,
        };
        for piece in 0..pieces.scores.len() {
            let bytes = tokenizer.piece(piece).to_vec();
            if bytes.is_empty() {
                continue;
            }
            tokenizer.longest_bytes = tokenizer.longest_bytes.max(bytes.len());
            let free = tokenizer.places(&bytes).find(|place| tokenizer.table[*place] == 0);
            if let Some(place) = free {
                tokenizer.table[place] = piece as u32 + 1;
            }
        }
        tokenizer
    }

    /// The ids of a text, without the marks of its beginning and end.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        let text = self.normal(text);
        let mut edges: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        edges.push(text.len());
        let last = edges.len() - 1;
        let mut best: Vec<Option<Reached>> = vec![None; edges.len()];
        for from in 0..last {
            let before = match best[from] {
                Some(reached) => reached.score,
                None if from == 0 => 0.0,
                None => continue,
            };
            let mut offer = |to: usize, piece: u32, score: f32| {
                let score = before + score;
                if best[to].is_none_or(|known| score > known.score) {
                    best[to] = Some(Reached { score, piece, from });
                }
            };
            for to in from + 1..=last {
                let bytes = &text.as_bytes()[edges[from]..edges[to]];
                if bytes.len() > self.longest_bytes {
                    break;
                }
                if let Some(piece) = self.find(bytes).filter(|piece| *piece != self.unknown) {
                    offer(to, piece, self.scores[piece as usize]);
                }
            }
            offer(from + 1, self.unknown, self.unknown_score);
        }
        let mut ids = Vec::new();
        let mut at = last;
        while let Some(reached) = best[at] {
            ids.push(reached.piece);
            at = reached.from;
        }
        ids.reverse();
        ids
    }

    /// Characters in one form, single spaces, each a mark, with one in front.
    fn normal(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        let mut before = None;
        let mut put = |c: char| {
            if before.is_none() && c != ' ' {
                out.push(SPACE);
            }
            if c != ' ' || before != Some(' ') {
                out.push(if c == ' ' { SPACE } else { c });
            }
            before = Some(c);
        };
        for c in text.chars() {
            match self.replaced.get(&c) {
                Some(others) => others.iter().copied().for_each(&mut put),
                None => put(c),
            }
        }
        if out.is_empty() {
            out.push(SPACE);
        }
        out
    }

    fn piece(&self, piece: usize) -> &[u8] {
        &self.text[self.starts[piece] as usize..self.starts[piece + 1] as usize]
    }

    fn find(&self, bytes: &[u8]) -> Option<u32> {
        for place in self.places(bytes) {
            let piece = self.table[place].checked_sub(1)?;
            if self.piece(piece as usize) == bytes {
                return Some(piece);
            }
        }
        None
    }

    /// Where these bytes may stand in the table, the likeliest place first (FNV-1a).
    fn places(&self, bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mask = self.table.len() - 1;
        (0..self.table.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        let pieces = ["<s>", "</s>", "<unk>", "▁", "a", "b", "ab", "▁ab", "▁a", "e"];
        let mut starts = vec![0_u32];
        let text: String = pieces.concat();
        for piece in pieces {
            starts.push(starts.last().copied().unwrap_or(0) + piece.len() as u32);
        }
        Tokenizer::new(&Pieces {
            starts,
            scores: vec![0.0, 0.0, 0.0, -2.0, -3.0, -3.0, -4.0, -2.5, -2.6, -3.0],
            text: text.as_bytes(),
            unknown: 2,
            begin: 0,
            end: 1,
            replaced: BTreeMap::from([(u32::from('é'), vec![u32::from('e')]), (9, vec![32]), (0x200b, vec![])]),
        })
    }

    #[test]
    fn the_likeliest_pieces_are_taken() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.ids("ab"), [7]);
        assert_eq!(tokenizer.ids("ab ab"), [7, 7]);
        assert_eq!(tokenizer.ids("abab"), [7, 6]);
        assert_eq!(tokenizer.ids("ba"), [3, 5, 4]);
    }

    #[test]
    fn characters_are_replaced_spaces_joined_and_the_unknown_marked() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.ids("é"), [3, 9]);
        assert_eq!(tokenizer.ids(" ab \t  ab"), [7, 7]);
        assert_eq!(tokenizer.ids("a\u{200b}b"), [7]);
        assert_eq!(tokenizer.ids("a😀"), [8, 2]);
        assert_eq!(tokenizer.ids(""), [3]);
    }
}
