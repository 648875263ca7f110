//! The candidate's turn: its stretches of audio, their transcripts and the reply prepared for it.

use crate::screening::calls::domain::audio::{CallTime, Span};
use crate::screening::calls::domain::conversation::vocabulary::Tag;
use crate::screening::calls::domain::interviewer::{Reply, SpeechPart};
use crate::screening::calls::domain::ports::Transcript;
use crate::screening::calls::domain::segment::Word;
use crate::screening::calls::domain::turn_policy::Judgement;
use crate::screening::shared::ids::SegmentId;

/// Audio kept in front of the first speech frame, so that a soft first sound is not cut off.
const PRE_ROLL_MS: u64 = 320;
/// A stretch shorter than this is heard again together with what follows: whisper guesses at very short clips.
pub const MIN_CHUNK_MS: u64 = 4_000;
/// A pause must be this long for the audio to be cut in it.
pub const MIN_CUT_PAUSE_MS: u64 = 320;
/// whisper hears 30 s at a time; a stretch without a pause is cut before.
pub const MAX_CHUNK_MS: u64 = 24_000;

/// What the candidate has been saying since Emma last listened.
#[derive(Debug, Clone)]
pub struct Turn {
    pub tag: Tag,
    pub segment_id: SegmentId,
    pub started: CallTime,
    pub last_voice: CallTime,
    /// Length of the speech in the present burst, ms.
    pub burst_ms: u64,
    /// Length of the speech in the stretch that is not yet fixed, ms.
    pub speech_ms: u64,
    /// Where the stretch that is not yet fixed begins.
    chunk_start: CallTime,
    chunks: Vec<Chunk>,
    /// The last stretch, transcribed on the guess that the turn ends here.
    tail: Option<Chunk>,
    /// What the turn model said of the present pause.
    pub judgements: Vec<Judgement>,
    /// How often it was asked about this pause.
    pub looks: usize,
    pub needs_time: bool,
    pub typed: bool,
    /// When the turn was decided to be over.
    pub committed: Option<CallTime>,
    pub transcribed_at: Option<CallTime>,
    pub reply_requested: bool,
    /// When a language model began to answer.
    pub first_token_at: Option<CallTime>,
    pub reply: Option<(Reply, CallTime)>,
    /// Parts of a reply that is not complete yet.
    pub early: Vec<SpeechPart>,
    /// When the first of them came.
    pub early_at: Option<CallTime>,
}

#[derive(Debug, Clone)]
struct Chunk {
    tag: Tag,
    audio: Span,
    transcript: Option<Transcript>,
}

impl Turn {
    /// Opens a turn whose speech began at `onset`.
    pub fn open(id: u32, onset: CallTime, now: CallTime) -> Self {
        Self {
            tag: Tag { turn: id, revision: 0 },
            segment_id: SegmentId::generate(),
            started: onset,
            last_voice: now,
            burst_ms: now.since(onset),
            speech_ms: now.since(onset),
            chunk_start: onset.minus(PRE_ROLL_MS),
            chunks: Vec::new(),
            tail: None,
            judgements: Vec::new(),
            looks: 0,
            needs_time: false,
            typed: false,
            committed: None,
            transcribed_at: None,
            reply_requested: false,
            first_token_at: None,
            reply: None,
            early: Vec::new(),
            early_at: None,
        }
    }

    /// A turn that was typed: complete as it is.
    pub fn typed(id: u32, text: String, now: CallTime) -> Self {
        let mut turn = Self::open(id, now, now);
        turn.typed = true;
        turn.chunks.push(Chunk {
            tag: turn.tag,
            audio: Span { start: now, end: now },
            transcript: Some(Transcript {
                text,
                words: Vec::new(),
            }),
        });
        turn.transcribed_at = Some(now);
        turn
    }

    /// The candidate goes on after a pause. What was prepared is void; the audio before a long pause is fixed.
    /// Says which work nobody wants any more.
    pub fn go_on(&mut self, onset: CallTime, now: CallTime) -> Option<Tag> {
        let pause_ms = onset.since(self.last_voice);
        let stale = self.tail.take().and_then(|tail| {
            if tail.audio.duration_ms() >= MIN_CHUNK_MS && pause_ms >= MIN_CUT_PAUSE_MS {
                self.chunk_start = tail.audio.end;
                self.speech_ms = 0;
                self.chunks.push(tail);
                None
            } else {
                Some(tail.tag)
            }
        });
        self.tag.revision += 1;
        self.last_voice = now;
        self.burst_ms = now.since(onset);
        self.speech_ms += self.burst_ms;
        self.judgements.clear();
        self.looks = 0;
        self.committed = None;
        self.transcribed_at = None;
        self.reply_requested = false;
        self.reply = None;
        self.first_token_at = None;
        self.early.clear();
        self.early_at = None;
        stale
    }

    /// More of the candidate's voice.
    pub fn voice(&mut self, now: CallTime) {
        let more = now.since(self.last_voice);
        self.burst_ms += more;
        self.speech_ms += more;
        self.last_voice = now;
    }

    /// The stretch to transcribe if the turn ends here; `None` when that was asked for already.
    pub fn cut_tail(&mut self, now: CallTime) -> Option<Span> {
        if self.tail.is_some() || self.typed {
            return None;
        }
        let audio = Span {
            start: self.chunk_start,
            end: now,
        };
        self.tail = Some(Chunk {
            tag: self.tag,
            audio,
            transcript: None,
        });
        Some(audio)
    }

    /// Fixes a stretch that has grown too long without a pause; says what to transcribe.
    pub fn cut_long(&mut self, now: CallTime) -> Option<(Tag, Span)> {
        if now.since(self.chunk_start) < MAX_CHUNK_MS {
            return None;
        }
        let audio = Span {
            start: self.chunk_start,
            end: now,
        };
        let tag = self.tag;
        self.chunks.push(Chunk {
            tag,
            audio,
            transcript: None,
        });
        self.chunk_start = now;
        self.speech_ms = 0;
        self.tag.revision += 1;
        Some((tag, audio))
    }

    /// Takes a transcript; false where nobody waits for it.
    pub fn transcribed(&mut self, tag: Tag, transcript: Transcript, now: CallTime) -> bool {
        let waiting = self
            .chunks
            .iter_mut()
            .chain(self.tail.iter_mut())
            .find(|c| c.tag == tag && c.transcript.is_none());
        let Some(chunk) = waiting else { return false };
        chunk.transcript = Some(transcript);
        if self.is_transcribed() {
            self.transcribed_at = Some(now);
        }
        true
    }

    /// Whether every stretch up to the present pause has its transcript.
    pub fn is_transcribed(&self) -> bool {
        (self.typed || self.tail.is_some()) && self.chunks.iter().chain(&self.tail).all(|c| c.transcript.is_some())
    }

    /// Whether some transcript is still to come.
    pub fn awaits_transcript(&self) -> bool {
        self.chunks.iter().chain(&self.tail).any(|c| c.transcript.is_none())
    }

    /// What is known of the words so far.
    pub fn text(&self) -> String {
        let texts = self
            .chunks
            .iter()
            .chain(&self.tail)
            .filter_map(|c| c.transcript.as_ref())
            .map(|t| t.text.trim());
        texts.filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The last words known before the stretch that is open now, to carry names and style over.
    pub fn context(&self) -> String {
        let fixed = self.chunks.iter().filter_map(|c| c.transcript.as_ref()).next_back();
        fixed.map(|t| t.text.clone()).unwrap_or_default()
    }

    /// The words with their times in the call.
    pub fn words(&self) -> Vec<Word> {
        let chunks = self.chunks.iter().chain(&self.tail);
        chunks
            .filter_map(|c| c.transcript.as_ref().map(|t| (c.audio, t)))
            .flat_map(|(audio, transcript)| {
                transcript.words.iter().map(move |word| Word {
                    w: word.text.clone(),
                    start_ms: audio.start.plus(word.start_ms).min(audio.end),
                    end_ms: audio.start.plus(word.end_ms).min(audio.end),
                    confidence: word.confidence,
                })
            })
            .collect()
    }

    /// Whether anything before the present stretch is fixed and transcribed.
    pub fn has_fixed_text(&self) -> bool {
        self.chunks
            .iter()
            .any(|c| c.transcript.as_ref().is_some_and(|t| !t.text.trim().is_empty()))
    }

    /// Length of the silence at the end of the turn, ms.
    pub fn silence_ms(&self, now: CallTime) -> u64 {
        now.since(self.last_voice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Transcript {
        Transcript {
            text: text.to_owned(),
            words: vec![],
        }
    }

    #[test]
    fn a_short_pause_early_on_cuts_nothing() {
        let mut turn = Turn::open(1, CallTime::from_ms(1000), CallTime::from_ms(1100));
        turn.last_voice = CallTime::from_ms(2000);
        let first = turn.cut_tail(CallTime::from_ms(2200)).expect("first look");
        assert_eq!(
            turn.go_on(CallTime::from_ms(2300), CallTime::from_ms(2400)),
            Some(Tag { turn: 1, revision: 0 })
        );
        turn.last_voice = CallTime::from_ms(3000);
        let second = turn.cut_tail(CallTime::from_ms(3200)).expect("second look");
        assert_eq!(
            (first.start, second.start),
            (CallTime::from_ms(680), CallTime::from_ms(680))
        );
    }

    #[test]
    fn a_long_answer_is_fixed_at_its_pauses() {
        let mut turn = Turn::open(1, CallTime::from_ms(1000), CallTime::from_ms(1100));
        turn.last_voice = CallTime::from_ms(7000);
        let first = turn.cut_tail(CallTime::from_ms(7200)).expect("first look");
        let tag = turn.tag;
        assert_eq!(
            turn.go_on(CallTime::from_ms(7500), CallTime::from_ms(7600)),
            None,
            "its transcript stays wanted"
        );
        assert!(turn.transcribed(tag, said("The first half"), CallTime::from_ms(7700)));
        turn.last_voice = CallTime::from_ms(9000);
        let tail = turn.cut_tail(CallTime::from_ms(9200)).expect("second look");
        assert_eq!(tail.start, first.end);
        assert!(!turn.is_transcribed());
        assert!(turn.transcribed(turn.tag, said("and the second."), CallTime::from_ms(9500)));
        assert_eq!(
            (turn.text().as_str(), turn.is_transcribed()),
            ("The first half and the second.", true)
        );
    }

    #[test]
    fn a_stale_transcript_is_not_taken() {
        let mut turn = Turn::open(1, CallTime::ZERO, CallTime::from_ms(100));
        turn.cut_tail(CallTime::from_ms(1000));
        let stale = turn.tag;
        turn.go_on(CallTime::from_ms(1100), CallTime::from_ms(1200));
        assert!(!turn.transcribed(stale, said("half a"), CallTime::from_ms(1300)));
        assert_eq!(turn.text(), "");
    }
}
