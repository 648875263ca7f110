//! Where in the sound each token was heard: the cheapest way through what the decoder looked at (dynamic time warping).
//!
//! As whisper does it: <https://github.com/openai/whisper>, `timing.py`; Sakoe and Chiba, 1978. Of Moonshine's 64 heads a
//! few look at the sound of the very token they write. Those below were chosen on synthetic speech whose phonemes have
//! known lengths: there the starts of words are off by 20 ms (median), 46 ms (90th percentile).

/// The output of the step's graph with what a layer's heads look at.
pub const WATCHED: [&str; 2] = [
    "/model/decoder/layers.5/encoder_attn/Softmax_output_0",
    "/model/decoder/layers.6/encoder_attn/Softmax_output_0",
];
/// The heads of each of these layers.
const HEADS: [&[usize]; 2] = [&[1, 4], &[0, 4, 7]];

/// What one token looked at, by stretch of the sound: the sum of the chosen heads. `layers` are what [`WATCHED`] gave,
/// all heads of a layer one after the other.
pub fn look(layers: &[&[f32]], heads_per_layer: usize) -> Vec<f32> {
    let stretches = layers.first().map_or(0, |layer| layer.len() / heads_per_layer.max(1));
    let chosen = layers.iter().zip(HEADS).flat_map(|(layer, heads)| {
        heads
            .iter()
            .filter_map(move |head| layer.get(head * stretches..(head + 1) * stretches))
    });
    let mut sum = vec![0.0; stretches];
    for head in chosen {
        for (sum, share) in sum.iter_mut().zip(head) {
            *sum += share;
        }
    }
    sum
}

/// The stretch of the sound in which each token begins, in order. One look per token, all of the same length.
pub fn starts(looks: &[Vec<f32>]) -> Vec<usize> {
    let stretches = looks.first().map_or(0, Vec::len);
    if stretches == 0 {
        return vec![0; looks.len()];
    }
    let mut ways: Vec<Vec<Step>> = Vec::with_capacity(looks.len());
    // The most that can be seen on the way to each stretch, at the token before.
    let mut before: Vec<f32> = Vec::new();
    for look in looks {
        let (mut seen, mut way) = (Vec::with_capacity(stretches), Vec::with_capacity(stretches));
        for (i, share) in look.iter().enumerate() {
            let of = |sums: &[f32], at: Option<usize>| at.and_then(|at| sums.get(at)).copied().unwrap_or(f32::MIN);
            let last = i.checked_sub(1);
            let options = [
                (of(&before, last), Step::Both),
                (of(&before, Some(i)), Step::Token),
                (of(&seen, last), Step::Stretch),
            ];
            let (sum, step) =
                options.into_iter().fold(
                    (f32::MIN, Step::Begin),
                    |best, option| {
                        if option.0 > best.0 { option } else { best }
                    },
                );
            seen.push(share + if step == Step::Begin { 0.0 } else { sum });
            way.push(step);
        }
        before = seen;
        ways.push(way);
    }
    begins(&ways)
}

/// How a stretch of a token is reached.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Begin,
    /// From the token before, the stretch before.
    Both,
    /// From the token before, in the same stretch: where there are more tokens than stretches.
    Token,
    /// From the same token, the stretch before.
    Stretch,
}

/// Goes the way back from the end of both.
fn begins(ways: &[Vec<Step>]) -> Vec<usize> {
    let mut begins = vec![0; ways.len()];
    let mut at = ways.last().map_or(0, |way| way.len().saturating_sub(1));
    for (token, way) in ways.iter().enumerate().rev() {
        while way.get(at) == Some(&Step::Stretch) {
            at -= 1;
        }
        begins[token] = at;
        if way.get(at) == Some(&Step::Both) {
            at -= 1;
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks of tokens that each see these stretches of twenty.
    fn looks(seen: &[std::ops::Range<usize>]) -> Vec<Vec<f32>> {
        let share = |seen: &std::ops::Range<usize>, i| if seen.contains(&i) { 1.0 } else { 0.01 };
        seen.iter()
            .map(|seen| (0..20).map(|i| share(seen, i)).collect())
            .collect()
    }

    #[test]
    fn each_token_begins_where_it_is_seen_first() {
        assert_eq!(starts(&looks(&[0..4, 4..9, 9..12, 12..20])), [0, 4, 9, 12]);
    }

    #[test]
    fn the_order_holds_where_a_token_looks_elsewhere() {
        let begun = starts(&looks(&[0..5, 15..18, 8..12, 12..20]));
        assert!(begun.is_sorted(), "{begun:?}");
        assert_eq!((begun[0], begun[3]), (0, 12));
    }

    #[test]
    fn more_tokens_than_stretches_and_nothing_at_all_are_no_trouble() {
        let many: Vec<Vec<f32>> = vec![vec![0.5, 0.5]; 30];
        assert!(starts(&many).iter().all(|s| *s < 2));
        assert_eq!(starts(&[vec![], vec![]]), [0, 0]);
        assert!(starts(&[]).is_empty());
    }

    #[test]
    fn the_chosen_heads_are_added() {
        let mut layer = vec![0.0; 16];
        // Head 1 of the first layer, head 7 of the second; two stretches each.
        layer[3] = 1.0;
        let mut other = vec![0.0; 16];
        other[14] = 1.0;
        assert_eq!(look(&[&layer, &other], 8), [1.0, 1.0]);
        assert!(look(&[], 8).is_empty());
    }
}
