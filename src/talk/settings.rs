//! The command line made sense of: answers loaded, numbers in their units.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::shared::word_errors::normalizer::Normalizer;
use crate::talk::args::TalkArgs;
use crate::talk::files::{self, Answer};
use crate::talk::recording;
use crate::talk::turn_tracker::{BargeIn, Habits};
use crate::talk::wer::{Expected, WordErrors};

/// What all calls of one run share.
pub struct Settings {
    pub url: String,
    answers: Vec<Arc<Answer>>,
    pub habits: Habits,
    /// Over a WebSocket instead of WebRTC.
    pub web_socket: bool,
    /// Share of outgoing packets lost, 0 to 1.
    pub loss: f64,
    /// Share of incoming packets lost, 0 to 1.
    pub loss_in: f64,
    pub seed: u64,
    pub noise_dbfs: Option<f32>,
    pub timeout: Duration,
    pub drop: Option<Drop>,
    record: Option<PathBuf>,
    expected: Expected,
    normalizer: Normalizer,
}

/// A connection lost on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drop {
    /// Since the call's clock started.
    pub after: Duration,
    /// Until it is made again.
    pub away: Duration,
}

impl Settings {
    /// Reads and checks everything the arguments name.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn load(args: &TalkArgs) -> Result<Self, String> {
        let spoken = args.answers.iter().map(|answer| match answer.strip_prefix("text:") {
            Some(text) => Ok(files::typed(text)),
            None => files::load(Path::new(answer)).map_err(|e| e.to_string()),
        });
        let typed = args.text.iter().map(|text| Ok(files::typed(text)));
        let answers: Vec<Arc<Answer>> = spoken
            .chain(typed)
            .map(|answer| answer.map(Arc::new))
            .collect::<Result<_, String>>()?;
        if answers.is_empty() {
            return Err("no answers: name at least one WAV or FLAC file, or --text".to_owned());
        }
        Ok(Self {
            url: args.url.clone(),
            answers,
            habits: habits(args),
            web_socket: args.ws,
            loss: args.loss / 100.0,
            loss_in: args.loss_in / 100.0,
            seed: args.seed,
            noise_dbfs: args.noise,
            timeout: Duration::from_secs(args.timeout),
            drop: args.drop_after.map(|after| Drop {
                after: Duration::from_secs(after),
                away: Duration::from_secs(args.away),
            }),
            record: args.record.clone(),
            expected: expected(args.expect.as_deref())?,
            normalizer: Normalizer::new().map_err(|e| e.to_string())?,
        })
    }

    /// The answer of a turn counted from 0; the list repeats.
    pub fn answer(&self, turn: usize) -> &Arc<Answer> {
        &self.answers[turn % self.answers.len()]
    }

    /// How much of an answer was misheard, where it is known what it says.
    pub fn word_errors(&self, answer: &Answer, heard: &str) -> Option<WordErrors> {
        Some(WordErrors::between(
            self.expected.get(&answer.stem)?,
            heard,
            &self.normalizer,
        ))
    }

    /// Where call `number`, counted from 0, is recorded.
    pub fn record_path(&self, number: usize) -> Option<PathBuf> {
        self.record.as_deref().map(|path| recording::path_of_call(path, number))
    }
}

fn habits(args: &TalkArgs) -> Habits {
    let ms = Duration::from_millis;
    Habits {
        think: ms(args.think),
        patience: ms(args.patience),
        barge_in: args.interrupt.map(|after| BargeIn {
            after: ms(after),
            every: args.interrupt_every as usize,
        }),
        hang_up_after: args.turns.map(|turns| turns as usize),
    }
}

fn expected(path: Option<&Path>) -> Result<Expected, String> {
    let Some(path) = path else {
        return Ok(Expected::default());
    };
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Expected::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
}
