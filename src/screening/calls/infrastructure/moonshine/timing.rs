//! When each word was said, estimated: the words fill the stretches that have sound, each as long as it is written.
//!
//! Good to a quarter of a second or so, enough to find a passage again; the ends of the stretch and its pauses are exact.

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::infrastructure::transcriber::guard::levels;

/// Length of the stretches whose level is measured.
const FRAME_MS: u64 = 20;
/// A silence this long stands between words, not inside one.
const PAUSE: usize = 8;

/// Begin and end of each word in milliseconds, in order, within the audio (16 kHz).
pub fn spread(words: &[&str], audio: &[f32]) -> Vec<(u64, u64)> {
    let audio_ms = audio.len() as u64 * 1000 / u64::from(EAR_RATE_HZ);
    let voiced = voiced_frames(audio);
    let weights: Vec<usize> = words.iter().map(|w| weight(w)).collect();
    let whole: usize = weights.iter().sum::<usize>().max(1);
    let frame_at = |share: usize| {
        let index = voiced.len() * share / whole;
        voiced
            .get(index.min(voiced.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    let mut before = 0;
    let mut last = 0;
    weights
        .iter()
        .map(|weight| {
            let first = voiced.len() * before / whole;
            before += weight;
            let end = voiced.len() * before / whole;
            let span = larger_side(voiced.get(first..end).unwrap_or_default());
            let (from, to) = match span {
                [first, .., last] => (*first, *last + 1),
                [only] => (*only, *only + 1),
                [] => (frame_at(before), frame_at(before)),
            };
            let start_ms = (from as u64 * FRAME_MS).clamp(last, audio_ms.max(last));
            let end_ms = (to as u64 * FRAME_MS).clamp(start_ms, audio_ms.max(start_ms));
            last = end_ms;
            (start_ms, end_ms)
        })
        .collect()
}

/// Letters, and one for the word itself: short words are not that much shorter.
fn weight(word: &str) -> usize {
    1 + word.chars().filter(|c| c.is_alphanumeric()).count()
}

/// Numbers of the frames that are nearer to the loud ones than to the quiet ones; all where there is no difference.
fn voiced_frames(audio: &[f32]) -> Vec<usize> {
    let levels = levels(audio);
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f32| {
        let index = (sorted.len() as f32 * share) as usize;
        sorted.get(index).copied().unwrap_or(-100.0)
    };
    // Quiet consonants lie some 30 dB under the vowels.
    let threshold = (at(0.1) + 0.3 * (at(0.95) - at(0.1))).max(at(0.95) - 35.0);
    levels
        .iter()
        .enumerate()
        .filter(|(_, level)| **level >= threshold)
        .map(|(i, _)| i)
        .collect()
}

/// A word does not go on over a pause: the side with more of it.
fn larger_side(frames: &[usize]) -> &[usize] {
    let Some(cut) = frames.windows(2).position(|pair| pair[1] - pair[0] > PAUSE) else {
        return frames;
    };
    let (left, right) = frames.split_at(cut + 1);
    if left.len() >= right.len() {
        left
    } else {
        larger_side(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound where `true`, each 100 ms.
    fn audio(pattern: &[bool]) -> Vec<f32> {
        let tenth = EAR_RATE_HZ as usize / 10;
        pattern
            .iter()
            .flat_map(|&loud| (0..tenth).map(move |i| if loud { 0.3 * (i as f32 * 0.3).sin() } else { 0.0005 }))
            .collect()
    }

    #[test]
    fn words_lie_where_the_sound_is() {
        let mut pattern = vec![false; 5];
        pattern.extend([true; 6]);
        pattern.extend([false; 10]);
        pattern.extend([true; 6]);
        pattern.extend([false; 5]);
        let spans = spread(&["seven", "words", "after", "silence"], &audio(&pattern));
        assert!((480..=540).contains(&spans[0].0), "{spans:?}");
        assert!(spans[1].1 <= 1120 && spans[2].0 >= 2080, "{spans:?}");
        assert!((2640..=2720).contains(&spans[3].1), "{spans:?}");
    }

    #[test]
    fn times_never_go_back_nor_leave_the_audio() {
        for (words, pattern) in [
            (vec!["a"; 40], vec![true; 3]),
            (vec!["one", "two"], vec![false; 4]),
            (vec!["...", "x"], vec![true, false, true]),
            (vec!["alone"], vec![]),
        ] {
            let audio = audio(&pattern);
            let mut last = 0;
            let spans = spread(&words, &audio);
            assert_eq!(spans.len(), words.len());
            for (start, end) in spans {
                assert!(last <= start && start <= end && end <= audio.len() as u64 / 16);
                last = end;
            }
        }
    }
}
