//! Emma's audio on its way out: sentences in order, 20 ms at a time, and how far each one is.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::screening::calls::domain::audio::VOICE_FRAME;
use crate::screening::calls::domain::conversation::UtteranceId;

/// Samples in a millisecond of 48 kHz audio.
const SAMPLES_PER_MS: u64 = 48;
/// The playout clock reports this often within a sentence, ms.
const REPORT_EVERY_MS: u64 = 100;
/// Samples over which the voice fades when it is cut: 10 ms, enough not to click.
const FADE: usize = 480;

/// What the playout clock tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This much of the sentence has been sent, ms.
    Played { utterance: UtteranceId, upto_ms: u64 },
    /// The sentence has been sent to its end.
    PlayedOut { utterance: UtteranceId },
}

/// The queue of sentences. Pure: the caller asks for a frame every 20 ms.
#[derive(Debug, Default)]
pub struct Playout {
    clips: VecDeque<Clip>,
    paused: bool,
    fade_in: bool,
    /// What was cut off, to fade out.
    tail: Vec<i16>,
}

#[derive(Debug)]
struct Clip {
    utterance: UtteranceId,
    chunks: VecDeque<Arc<[i16]>>,
    /// Samples of the first chunk that are sent.
    offset: usize,
    sent: u64,
    reported_ms: u64,
    /// No more chunks will come.
    complete: bool,
}

impl Playout {
    /// Adds audio to the end of a sentence.
    pub fn push(&mut self, utterance: UtteranceId, pcm: Arc<[i16]>) {
        self.clip(utterance).chunks.push_back(pcm);
    }

    /// The sentence has all its audio.
    pub fn complete(&mut self, utterance: UtteranceId) {
        self.clip(utterance).complete = true;
    }

    pub fn pause(&mut self) {
        if !self.paused {
            self.paused = true;
            self.keep_tail();
        }
    }

    pub fn resume(&mut self) {
        self.fade_in = self.paused;
        self.paused = false;
    }

    /// Forgets everything that was not sent.
    pub fn stop(&mut self) {
        if !self.paused {
            self.keep_tail();
        }
        self.clips.clear();
        self.paused = false;
    }

    /// Fills the next 20 ms; silence where nothing is to be said. Returns what there is to report.
    pub fn next_frame(&mut self, frame: &mut [i16; VOICE_FRAME]) -> Vec<Progress> {
        frame.fill(0);
        for (slot, sample) in frame.iter_mut().zip(self.tail.drain(..)) {
            *slot = sample;
        }
        let mut reports = Vec::new();
        let mut filled = 0;
        while !self.paused && filled < VOICE_FRAME {
            let Some(clip) = self.clips.front_mut() else { break };
            let took = clip.take(&mut frame[filled..]);
            filled += took;
            let upto_ms = clip.sent / SAMPLES_PER_MS;
            if clip.chunks.is_empty() && clip.complete {
                let utterance = clip.utterance;
                reports.push(Progress::Played { utterance, upto_ms });
                reports.push(Progress::PlayedOut { utterance });
                self.clips.pop_front();
            } else {
                if took > 0 && (clip.reported_ms == 0 || upto_ms >= clip.reported_ms + REPORT_EVERY_MS) {
                    clip.reported_ms = upto_ms.max(1);
                    reports.push(Progress::Played {
                        utterance: clip.utterance,
                        upto_ms,
                    });
                }
                if clip.chunks.is_empty() {
                    break; // the rest of the sentence is not rendered yet
                }
            }
        }
        if self.fade_in && filled > 0 {
            self.fade_in = false;
            for (i, sample) in frame.iter_mut().take(FADE).enumerate() {
                *sample = (f32::from(*sample) * i as f32 / FADE as f32) as i16;
            }
        }
        reports
    }

    fn clip(&mut self, utterance: UtteranceId) -> &mut Clip {
        let index = self
            .clips
            .iter()
            .position(|c| c.utterance == utterance)
            .unwrap_or_else(|| {
                self.clips.push_back(Clip {
                    utterance,
                    chunks: VecDeque::new(),
                    offset: 0,
                    sent: 0,
                    reported_ms: 0,
                    complete: false,
                });
                self.clips.len() - 1
            });
        &mut self.clips[index]
    }

    fn keep_tail(&mut self) {
        let Some(clip) = self.clips.front() else { return };
        if clip.sent == 0 {
            return;
        }
        let Some(chunk) = clip.chunks.front() else { return };
        let next = chunk.iter().skip(clip.offset).take(FADE).enumerate();
        self.tail = next
            .map(|(i, s)| (f32::from(*s) * (1.0 - i as f32 / FADE as f32)) as i16)
            .collect();
    }
}

impl Clip {
    fn take(&mut self, out: &mut [i16]) -> usize {
        let mut filled = 0;
        while filled < out.len() {
            let Some(chunk) = self.chunks.front() else { break };
            let rest = &chunk[self.offset..];
            let n = rest.len().min(out.len() - filled);
            out[filled..filled + n].copy_from_slice(&rest[..n]);
            filled += n;
            self.offset += n;
            if self.offset == chunk.len() {
                self.chunks.pop_front();
                self.offset = 0;
            }
        }
        self.sent += filled as u64;
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(ms: usize) -> Arc<[i16]> {
        vec![1000; ms * 48].into()
    }

    #[test]
    fn a_sentence_follows_the_one_before_without_a_gap() {
        let mut playout = Playout::default();
        for id in [1, 2] {
            playout.push(UtteranceId(id), clip(30));
            playout.complete(UtteranceId(id));
        }
        let mut frame = [0; VOICE_FRAME];
        let reports: Vec<_> = (0..3).flat_map(|_| playout.next_frame(&mut frame)).collect();
        let out: Vec<_> = reports
            .iter()
            .filter(|r| matches!(r, Progress::PlayedOut { .. }))
            .collect();
        assert_eq!(
            out,
            [
                &Progress::PlayedOut {
                    utterance: UtteranceId(1)
                },
                &Progress::PlayedOut {
                    utterance: UtteranceId(2)
                }
            ]
        );
        assert!(frame.iter().all(|&s| s == 1000), "the third frame is full");
    }

    #[test]
    fn a_stopped_voice_says_nothing_more() {
        let mut playout = Playout::default();
        playout.push(UtteranceId(1), clip(100));
        let mut frame = [0; VOICE_FRAME];
        playout.next_frame(&mut frame);
        playout.stop();
        playout.next_frame(&mut frame);
        assert!(frame[..FADE].windows(2).all(|w| w[0] >= w[1]), "it fades");
        assert!(frame[FADE..].iter().all(|&s| s == 0));
        assert_eq!(playout.next_frame(&mut frame), []);
        assert!(frame.iter().all(|&s| s == 0));
    }

    #[test]
    fn a_paused_voice_goes_on_where_it_was() {
        let mut playout = Playout::default();
        playout.push(UtteranceId(1), clip(60));
        playout.complete(UtteranceId(1));
        let mut frame = [0; VOICE_FRAME];
        playout.next_frame(&mut frame);
        playout.pause();
        assert_eq!(playout.next_frame(&mut frame), []);
        playout.resume();
        playout.next_frame(&mut frame);
        assert_eq!(
            playout.next_frame(&mut frame),
            [
                Progress::Played {
                    utterance: UtteranceId(1),
                    upto_ms: 60
                },
                Progress::PlayedOut {
                    utterance: UtteranceId(1)
                }
            ]
        );
    }
}
