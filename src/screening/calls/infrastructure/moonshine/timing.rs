//! When each word was said: where the decoder looked, and the pauses that the sound itself shows.
//!
//! The decoder hears a word that follows a pause a tenth of a second late, at its first loud sound; the sound knows better.

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::infrastructure::transcriber::guard::levels;

/// Length of the stretches whose level is measured.
const FRAME_MS: u64 = 20;
/// A silence this long stands between words, not inside one: stops like /k/ and /t/ are shorter.
const PAUSE_MS: u64 = 160;
/// The decoder hears a word after a pause at most this late; one it hears later is not the first.
const LATE_MS: u64 = 400;

/// Begin and end of each word in milliseconds, in order, within the audio (16 kHz). `starts_ms` is where the decoder
/// began to look at each.
pub fn spans(starts_ms: &[u64], audio: &[f32]) -> Vec<(u64, u64)> {
    let audio_ms = audio.len() as u64 * 1000 / u64::from(EAR_RATE_HZ);
    let pauses = pauses(audio, audio_ms);
    let mut spans: Vec<(u64, u64)> = Vec::with_capacity(starts_ms.len());
    let mut free = 0;
    for (i, &start) in starts_ms.iter().enumerate() {
        let start = start.clamp(free, audio_ms.max(free));
        let next = starts_ms
            .get(i + 1)
            .map_or(audio_ms, |next| (*next).clamp(start, audio_ms.max(start)));
        // The last pause that begins before this word does is the one in front of it.
        let pause = pauses
            .iter()
            .rev()
            .find(|(from, to)| *from <= start && *to > free && *to < audio_ms);
        let start = match pause {
            Some((_, to)) if start <= to + LATE_MS => (*to).min(next).max(free),
            _ => start,
        };
        if let Some((_, end)) = spans.last_mut() {
            *end = pause.map_or(start, |(from, _)| (*from).clamp(free, start));
        }
        spans.push((start, next.max(start)));
        free = start;
    }
    if let Some((start, end)) = spans.last_mut() {
        let pause = pauses.iter().find(|(from, to)| *from > *start && *to == audio_ms);
        *end = pause.map_or(*end, |(from, _)| *from);
    }
    spans
}

/// The silences that are long enough to stand between words, in milliseconds; those at both ends in any length.
fn pauses(audio: &[f32], audio_ms: u64) -> Vec<(u64, u64)> {
    let voiced = voiced_frames(audio);
    let mut pauses = Vec::new();
    let mut free = 0;
    for frame in voiced {
        let from = frame as u64 * FRAME_MS;
        if from >= free + PAUSE_MS || (free == 0 && from > 0) {
            pauses.push((free, from));
        }
        free = from + FRAME_MS;
    }
    if free < audio_ms {
        pauses.push((free, audio_ms));
    }
    pauses
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

    fn half_a_second_of_silence_between() -> Vec<f32> {
        let mut pattern = vec![false; 5];
        pattern.extend([true; 6]);
        pattern.extend([false; 10]);
        pattern.extend([true; 6]);
        pattern.extend([false; 5]);
        audio(&pattern)
    }

    #[test]
    fn a_pause_moves_the_words_beside_it_to_its_edges() {
        let spans = spans(&[560, 800, 2_200, 2_400], &half_a_second_of_silence_between());
        assert_eq!(spans, [(500, 800), (800, 1_100), (2_100, 2_400), (2_400, 2_700)]);
    }

    #[test]
    fn a_look_into_the_pause_is_a_look_at_the_word_behind_it() {
        let spans = spans(&[500, 1_400, 2_400], &half_a_second_of_silence_between());
        assert_eq!(spans, [(500, 1_100), (2_100, 2_400), (2_400, 2_700)]);
    }

    #[test]
    fn times_never_go_back_nor_leave_the_audio() {
        for (starts, pattern) in [
            (vec![0; 40], vec![true; 3]),
            (vec![90, 20], vec![false; 4]),
            (vec![5_000, 9_000], vec![true, false, true]),
            (vec![0, 250, 255, 260], vec![true, false, false, true]),
            (vec![100], vec![]),
        ] {
            let audio = audio(&pattern);
            let mut last = 0;
            let spans = spans(&starts, &audio);
            assert_eq!(spans.len(), starts.len());
            for (start, end) in spans {
                assert!(
                    last <= start && start <= end && end <= audio.len() as u64 / 16,
                    "{starts:?}"
                );
                last = end;
            }
        }
    }
}
