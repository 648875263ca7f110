//! Whether what a model heard can be believed: one that loses the audio repeats itself, and whisper hears polite phrases
//! in silence, noise and music.

use crate::screening::calls::domain::audio::EAR_RATE_HZ;
use crate::screening::calls::domain::ports::HeardWord;
use crate::screening::calls::infrastructure::transcriber::Heard;

/// Samples of one level measurement: 20 ms.
const LEVEL_FRAME: usize = EAR_RATE_HZ as usize / 50;

/// What the audio itself says about speech in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Level of the loudest 20 ms, dB below full scale.
    pub peak_db: f32,
    /// Distance in dB between the loud (95 %) and the quiet (10 %) frames. Speech has gaps: more than 15 dB.
    /// Noise, hum and held tones have under 6.
    pub range_db: f32,
    /// Speech found by voice activity, where somebody looked.
    pub speech_ms: Option<u64>,
}

/// What becomes of a decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    /// There was no speech.
    Nothing,
    /// Whisper lost the audio: decode again with another window.
    Lost,
}

impl Evidence {
    /// Measures a clip as it came, before it is filled up.
    pub fn of(audio: &[f32], speech_ms: Option<u64>) -> Self {
        let mut levels = levels(audio);
        levels.sort_by(f32::total_cmp);
        let at = |share: f32| {
            levels
                .get((levels.len() as f32 * share) as usize)
                .copied()
                .unwrap_or(-100.0)
        };
        Self {
            peak_db: levels.last().copied().unwrap_or(-100.0),
            range_db: at(0.95) - at(0.1),
            speech_ms,
        }
    }

    /// True where decoding can only invent something: next to silence, or voice activity found no speech.
    pub fn rules_out_speech(self) -> bool {
        self.peak_db < -62.0 || self.speech_ms.is_some_and(|ms| ms < 60)
    }

    /// True where speech is unlikely but possible.
    pub fn is_weak(self) -> bool {
        self.peak_db < -50.0 || self.range_db < 8.0 || self.speech_ms.is_some_and(|ms| ms < 250)
    }
}

/// Level of each 20 ms, dB below full scale.
pub fn levels(audio: &[f32]) -> Vec<f32> {
    audio
        .chunks(LEVEL_FRAME)
        .map(|frame| {
            let power = frame.iter().filter(|s| s.is_finite()).map(|s| s * s).sum::<f32>() / frame.len() as f32;
            10.0 * (power + 1e-10).log10()
        })
        .collect()
}

/// Judges a decoding of `audio_ms` of audio.
pub fn judge(heard: &Heard, evidence: Evidence, audio_ms: u64) -> Verdict {
    if heard.words.is_empty() {
        return Verdict::Nothing;
    }
    let stock = is_stock_phrase(&heard.words);
    let unsure = heard.avg_logprob < -0.8;
    let silent = heard.no_speech > 0.6;
    if silent && (unsure || stock) {
        return Verdict::Nothing;
    }
    if evidence.is_weak() && (silent || unsure || stock) {
        return Verdict::Nothing;
    }
    if has_loop(&heard.words) || is_too_fast(heard.words.len(), audio_ms) {
        return Verdict::Lost;
    }
    // Polite phrases are what whisper writes when it hears nothing; a person says them with some certainty.
    if stock && heard.avg_logprob < -0.7 {
        return Verdict::Nothing;
    }
    Verdict::Keep
}

/// Judges what a service heard in `audio_ms` of audio, which tells neither how sure it is nor whether there was speech: by
/// the words and the audio alone.
pub fn judge_words(words: &[HeardWord], evidence: Evidence, audio_ms: u64) -> Verdict {
    if words.is_empty() || evidence.rules_out_speech() {
        return Verdict::Nothing;
    }
    // First, since looking for loops takes the square of the length.
    // Letters are counted too, 30 a second, for what is written without spaces.
    let letters: u64 = words.iter().map(|word| word.text.chars().count() as u64).sum();
    if is_too_fast(words.len(), audio_ms) || letters * 1000 > 60_000 + 30 * audio_ms {
        return Verdict::Lost;
    }
    if is_stock_phrase(words) && evidence.is_weak() {
        return Verdict::Nothing;
    }
    if has_loop(words) || is_subtitle(words) {
        return Verdict::Lost;
    }
    Verdict::Keep
}

/// Nothing but a line of subtitles that nobody says in an interview, however much was spoken.
fn is_subtitle(words: &[HeardWord]) -> bool {
    const ALONE: [&str; 7] = [
        "thank you for watching",
        "thank you so much for watching",
        "thanks for watching",
        "please subscribe",
        "like and subscribe",
        "ill see you next time",
        "ill see you in the next video",
    ];
    let text = plain_text(words);
    ALONE.contains(&text.as_str()) || text.starts_with("subtitles by") || text.contains("amaraorg")
}

/// More words than anybody speaks: 7 a second, and three for the rounding of short clips.
fn is_too_fast(words: usize, audio_ms: u64) -> bool {
    words as u64 * 1000 > 3000 + 7 * audio_ms
}

/// Whether the words go round in circles.
pub fn has_loop(words: &[HeardWord]) -> bool {
    let plain: Vec<String> = words.iter().map(|w| plain(&w.text)).collect();
    first_loop(&plain).is_some() || plain.iter().any(|word| stutters(word)) || compression(&plain.join(" ")) > 2.4
}

/// Cuts the words where they begin to repeat themselves; what was said once stays.
pub fn cut_loop(words: &mut Vec<HeardWord>) {
    let texts: Vec<String> = words.iter().map(|w| plain(&w.text)).collect();
    if let Some((start, length)) = first_loop(&texts) {
        words.truncate(start + length);
    }
    words.retain(|word| !stutters(&plain(&word.text)));
}

/// Where the first loop begins and how many words one round has. People repeat a word or two ("no, no, no"),
/// not a phrase three times in a row.
fn first_loop(words: &[String]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|start| {
        (1..=12).find_map(|length| {
            let rounds = match length {
                1 => 6,
                2 => 4,
                _ => 3,
            };
            let stretch = words.get(start..start + length * rounds)?;
            let (round, rest) = stretch.split_at(length);
            rest.chunks(length).all(|next| next == round).then_some((start, length))
        })
    })
}

/// A "word" like `hahahahahahahaha` or `-a-a-a-a-a-a-a`: some few letters over and over.
fn stutters(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.len() >= 16 && (1..=4).any(|n| letters.iter().zip(&letters[n..]).all(|(a, b)| a == b))
}

/// How much shorter the text would be if repeated stretches were written once (a copy of 4 or more earlier bytes
/// counts as 3): the measure behind Whisper's "compression ratio", whose limit is 2.4. 1 for short texts.
fn compression(text: &str) -> f32 {
    let bytes = text.as_bytes();
    if bytes.len() < 60 {
        return 1.0;
    }
    let (mut at, mut cost) = (0, 0_usize);
    while at < bytes.len() {
        let longest = (0..at)
            .map(|from| {
                bytes[from..]
                    .iter()
                    .zip(&bytes[at..])
                    .take_while(|(a, b)| a == b)
                    .count()
            })
            .max()
            .unwrap_or(0);
        let (step, price) = if longest >= 4 { (longest, 3) } else { (1, 1) };
        at += step;
        cost += price;
    }
    bytes.len() as f32 / cost as f32
}

/// Phrases whisper was taught by subtitles of silent or musical stretches. Alone no proof: people say them too.
fn is_stock_phrase(words: &[HeardWord]) -> bool {
    const PHRASES: [&str; 22] = [
        "you",
        "thank you",
        "thank you very much",
        "thank you so much",
        "thank you for watching",
        "thank you for listening",
        "thanks for watching",
        "thanks for listening",
        "thanks",
        "please subscribe",
        "bye",
        "bye bye",
        "okay",
        "so",
        "oh",
        "the",
        "the end",
        "music",
        "applause",
        "silence",
        "well be right back",
        "ill see you next time",
    ];
    const PARTS: [&str; 6] = [
        "thanks for watching",
        "thank you for watching",
        "subtitles by",
        "amaraorg",
        "subscribe to",
        "copyright",
    ];
    let text = plain_text(words);
    PHRASES.contains(&text.as_str()) || PARTS.iter().any(|part| text.contains(part))
}

/// The words in a row, each [`plain`].
fn plain_text(words: &[HeardWord]) -> String {
    words.iter().map(|w| plain(&w.text)).collect::<Vec<_>>().join(" ")
}

/// Lower case, letters and digits only.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<HeardWord> {
        text.split_whitespace()
            .map(|w| HeardWord {
                text: w.to_owned(),
                start_ms: 0,
                end_ms: 0,
                confidence: 1.0,
            })
            .collect()
    }

    fn heard(text: &str, avg_logprob: f32, no_speech: f32) -> Heard {
        Heard {
            words: words(text),
            avg_logprob,
            no_speech,
        }
    }

    const SPEECH: Evidence = Evidence {
        peak_db: -20.0,
        range_db: 30.0,
        speech_ms: Some(2000),
    };
    const HARDLY: Evidence = Evidence {
        peak_db: -20.0,
        range_db: 30.0,
        speech_ms: Some(120),
    };

    #[test]
    fn circles_are_found_and_ordinary_repetition_is_not() {
        let circles = [
            "and then I went and then I went and then I went",
            "no no no no no no no",
            "Yes. Yes, yes! Yes yes yes",
            "we did that we did that we did that we did that we did that",
            "it was aaaaaaaaaaaaaaaaaaaaaaaa",
            "so hahahahahahahahahaha",
        ];
        for text in circles {
            assert!(has_loop(&words(text)), "{text}");
        }
        let ordinary = [
            "no, no, no, that is not what I meant",
            "very very very good",
            "I built it and I ran it and I sold it, and then I built it again for another team in another town",
            "we had one service for orders, one service for stock, one service for invoices",
            "",
        ];
        for text in ordinary {
            assert!(!has_loop(&words(text)), "{text}");
        }
    }

    #[test]
    fn a_loop_is_cut_after_its_first_round() {
        let mut said = words("I like it and so on and so on and so on and so on");
        cut_loop(&mut said);
        let text: Vec<_> = said.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(text.join(" "), "I like it and so on");
    }

    #[test]
    fn thank_you_is_kept_when_somebody_said_it_and_not_when_nobody_did() {
        assert_eq!(judge(&heard("Thank you.", -0.3, 0.05), SPEECH, 2000), Verdict::Keep);
        assert_eq!(judge(&heard("Thank you.", -0.3, 0.7), SPEECH, 2000), Verdict::Nothing);
        assert_eq!(judge(&heard("Thank you.", -0.3, 0.05), HARDLY, 2000), Verdict::Nothing);
        assert_eq!(judge(&heard("Yes.", -0.3, 0.05), HARDLY, 2000), Verdict::Keep);
        assert_eq!(judge(&heard("", 0.0, 0.9), SPEECH, 2000), Verdict::Nothing);
    }

    // spec: CALL-10
    #[test]
    fn what_a_service_heard_is_judged_by_its_words_and_the_audio() {
        let judged = |text: &str, evidence| judge_words(&words(text), evidence, 2000);
        for phrase in ["Thank you for watching!", "Thank you.", "Bye."] {
            assert_eq!(judged(phrase, HARDLY), Verdict::Nothing, "{phrase}");
        }
        for invented in [
            "Thank you for watching!",
            "Subtitles by the Amara.org community",
            "no no no no no no no",
            "one two three four five six seven eight nine ten one two three four five six seven eight",
            &"a".repeat(100_000),
        ] {
            assert_eq!(judged(invented, SPEECH), Verdict::Lost, "{invented:.40}");
        }
        for said in [
            "Thank you.",
            "Okay.",
            "I wrote the subscribe to topics part.",
            "Thank you for asking.",
        ] {
            assert_eq!(judged(said, SPEECH), Verdict::Keep, "{said}");
        }
        assert_eq!(judged("Yes.", HARDLY), Verdict::Keep);
        let none = Evidence {
            speech_ms: Some(20),
            ..SPEECH
        };
        assert_eq!(judged("I led a team.", none), Verdict::Nothing);
        assert_eq!(judged("", SPEECH), Verdict::Nothing);
    }

    #[test]
    fn impossible_speed_asks_for_another_decoding() {
        let many = (0..30).map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
        assert_eq!(judge(&heard(&many, -0.3, 0.0), SPEECH, 1000), Verdict::Lost);
        assert_eq!(judge(&heard(&many, -0.3, 0.0), SPEECH, 10_000), Verdict::Keep);
    }

    #[test]
    fn silence_and_steady_noise_are_told_from_speech() {
        assert!(Evidence::of(&vec![0.0; 16_000], None).rules_out_speech());
        assert!(Evidence::of(&[], None).rules_out_speech());
        let hum: Vec<f32> = (0..16_000).map(|i| 0.1 * (i as f32 * 0.02).sin()).collect();
        let hum = Evidence::of(&hum, None);
        assert!(!hum.rules_out_speech() && hum.is_weak());
        let bursts: Vec<f32> = (0..16_000)
            .map(|i| if (i / 3000) % 2 == 0 { 0.2 } else { 0.001 })
            .collect();
        assert!(!Evidence::of(&bursts, None).is_weak());
        assert!(Evidence::of(&bursts, Some(20)).rules_out_speech());
    }
}
