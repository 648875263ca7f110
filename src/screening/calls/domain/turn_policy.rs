//! When a silence is the end of the candidate's turn.
//!
//! Three witnesses: the turn model, how the words end, and how long this candidate usually pauses. The surer they
//! are that the turn is complete, the shorter the silence that is needed. Called again whenever one of them has
//! something new, or the time it asked for has come.

use serde::{Deserialize, Serialize};

/// What to do with the silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnDecision {
    /// The turn is over.
    Commit,
    /// Look again when the silence has lasted `until_ms`, with a fresh judgement of the turn model where `judge` says so.
    Wait { until_ms: u64, judge: bool },
}

/// What is known at one moment of a silence.
#[derive(Debug, Clone, Copy)]
pub struct Silence<'a> {
    /// How long it has lasted, milliseconds.
    pub silent_ms: u64,
    /// The turn model's judgements during this silence, oldest first.
    pub judgements: &'a [Judgement],
    /// How the words of the turn so far end; `None` while they are not transcribed yet.
    pub ending: Option<Ending>,
    pub patience: Patience,
    pub pauses: PauseStats,
}

/// What the turn model said about one silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Silence at the end of the audio it was given, milliseconds.
    pub silent_ms: u64,
    /// Probability, 0 to 1, that the turn is complete.
    pub probability: f32,
}

/// How a partial transcript ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Nothing was said that could be understood.
    Nothing,
    /// Like a finished sentence.
    Sentence,
    /// Neither: no punctuation, and a word that may end a sentence.
    Unclear,
    /// In the middle: a comma, a conjunction, an article, a filler.
    Open,
    /// With a request for time: "let me think".
    AsksForTime,
}

/// How much silence a question deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Patience {
    /// Dates, yes or no.
    Short,
    #[default]
    Normal,
    /// Questions one has to think about, and after "let me think".
    Long,
}

/// The numbers of the policy, milliseconds of silence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnPolicy {
    /// When the turn model is asked.
    pub judge_at_ms: [u64; 4],
    /// Needed when everything says the turn is complete.
    pub sure_ms: u64,
    /// Needed when the words end like a sentence but the turn model is sure of the contrary.
    pub doubtful_ms: u64,
    /// Needed when the words are unfinished.
    pub open_ms: u64,
    /// Needed when the candidate asked for time.
    pub asked_ms: u64,
    /// Never more than this, whatever the candidate's habits and the question.
    pub cap_ms: u64,
    /// How much the turn model's probability rises by itself with every 100 ms of silence.
    pub creep_per_100_ms: f32,
}
impl Default for TurnPolicy {
    fn default() -> Self {
        Self {
            judge_at_ms: [200, 300, 500, 900],
            sure_ms: 700,
            doubtful_ms: 1200,
            open_ms: 1600,
            asked_ms: 4000,
            cap_ms: 5000,
            creep_per_100_ms: 0.03,
        }
    }
}

/// How long one candidate's pauses inside an answer are: a running mean and mean deviation, as TCP keeps of round
/// trips (RFC 6298, gains 1/8 and 1/4).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PauseStats {
    mean_ms: f32,
    deviation_ms: f32,
    count: u32,
}

impl PauseStats {
    /// Notes a pause after which the candidate went on with the same answer.
    pub fn note(&mut self, pause_ms: u64) {
        // Longer ones are thinking, not the rhythm of speech.
        let pause = pause_ms.min(3000) as f32;
        if self.count == 0 {
            self.mean_ms = pause;
            self.deviation_ms = pause / 2.0;
        } else {
            self.deviation_ms += (self.mean_ms - pause).abs().mul_add(0.25, -0.25 * self.deviation_ms);
            self.mean_ms += (pause - self.mean_ms) / 8.0;
        }
        self.count = self.count.saturating_add(1);
    }

    /// A silence this candidate rarely exceeds inside an answer; `None` until four pauses were heard.
    pub fn usual_limit_ms(&self) -> Option<u64> {
        (self.count >= 4).then(|| 1.5_f32.mul_add(self.deviation_ms, self.mean_ms) as u64)
    }
}
impl TurnPolicy {
    /// Decides about a silence.
    pub fn decide(&self, silence: Silence<'_>) -> TurnDecision {
        let needed = self.needed_ms(silence);
        if silence.silent_ms >= needed {
            return TurnDecision::Commit;
        }
        let next_judgement = self.judge_at_ms.into_iter().find(|&at| at > silence.silent_ms);
        match next_judgement {
            Some(at) if at <= needed => TurnDecision::Wait {
                until_ms: at,
                judge: true,
            },
            _ => TurnDecision::Wait {
                until_ms: needed,
                judge: false,
            },
        }
    }

    /// The silence needed for the end of the turn, as things look now.
    fn needed_ms(&self, silence: Silence<'_>) -> u64 {
        // Without a judgement (not there yet, or the model is overloaded) the words and the clock decide.
        let sureness = silence.judgements.last().map_or(0.0, |j| self.sureness(*j));
        let (least, most) = match silence.ending {
            Some(Ending::Sentence) => (self.sure_ms, self.doubtful_ms),
            None => (self.sure_ms, self.open_ms),
            Some(Ending::Unclear) => (self.sure_ms + 100, u64::midpoint(self.doubtful_ms, self.open_ms)),
            Some(Ending::Open | Ending::Nothing) => (u64::midpoint(self.sure_ms, self.open_ms), self.open_ms),
            Some(Ending::AsksForTime) => (self.asked_ms, self.asked_ms),
        };
        let waits = (most - least.min(most)) as f32 * (1.0 - sureness);
        let extra = match silence.patience {
            Patience::Short => 0.75,
            Patience::Normal => 1.0,
            Patience::Long => 1.6,
        };
        let mut needed = least + (waits * extra) as u64;
        // Somebody who pauses long inside answers gets that much, unless everything says that they are done.
        if sureness < 0.8
            && let Some(usual) = silence.pauses.usual_limit_ms()
        {
            needed = needed.max(usual.min(self.open_ms));
        }
        needed.min(self.cap_ms)
    }

    /// From 0 (the turn is certainly not complete) to 1: the probability less what it rises by itself in silence.
    fn sureness(&self, judgement: Judgement) -> f32 {
        let first = self.judge_at_ms[0];
        let creep = self.creep_per_100_ms * judgement.silent_ms.saturating_sub(first) as f32 / 100.0;
        ((judgement.probability - creep - 0.5) / 0.4).clamp(0.0, 1.0)
    }
}

/// How the words of an unfinished turn end.
pub fn ending_of(text: &str) -> Ending {
    let text = text.trim();
    let words: Vec<String> = text.split_whitespace().map(plain).filter(|w| !w.is_empty()).collect();
    let Some(last) = words.last() else {
        return Ending::Nothing;
    };
    let tail = words[words.len().saturating_sub(8)..].join(" ");
    if ASKS_FOR_TIME.iter().any(|phrase| tail.ends_with(phrase)) {
        return Ending::AsksForTime;
    }
    let trails_off = text.ends_with([',', ';', ':', '-', '–', '—', '…']) || text.ends_with("...");
    if trails_off || GOES_ON.contains(&last.as_str()) {
        return Ending::Open;
    }
    if text
        .trim_end_matches(['"', '\'', '”', '’', ')'])
        .ends_with(['.', '?', '!'])
    {
        Ending::Sentence
    } else {
        Ending::Unclear
    }
}

/// Lower case, letters, digits and apostrophes.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric() || *c == '\'')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Words hardly any sentence ends with, and fillers.
const GOES_ON: [&str; 63] = [
    "and", "but", "or", "so", "because", "cause", "if", "when", "while", "although", "though", "unless", "until",
    "since", "whereas", "that", "which", "who", "whose", "the", "a", "an", "my", "your", "his", "her", "its", "our",
    "their", "to", "of", "in", "on", "at", "for", "from", "with", "by", "into", "as", "than", "about", "between",
    "through", "during", "without", "is", "was", "are", "were", "be", "i", "we", "they", "um", "uh", "er", "erm",
    "hmm", "mm", "like", "also", "very",
];

/// What people say when they need time.
const ASKS_FOR_TIME: [&str; 16] = [
    "let me think",
    "let me think about it",
    "let me think about that",
    "let me see",
    "let me think for a second",
    "let me think for a moment",
    "give me a second",
    "give me a moment",
    "give me a minute",
    "one second",
    "one moment",
    "just a second",
    "just a moment",
    "hold on",
    "wait a second",
    "i need a moment",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(silent_ms: u64, judgements: &[Judgement], ending: Option<Ending>) -> Silence<'_> {
        Silence {
            silent_ms,
            judgements,
            ending,
            patience: Patience::Normal,
            pauses: PauseStats::default(),
        }
    }

    /// The silence at which it commits, looking every 10 ms.
    fn commits(policy: &TurnPolicy, silence: Silence<'_>) -> u64 {
        (0..20_000)
            .step_by(10)
            .find(|&silent_ms| policy.decide(Silence { silent_ms, ..silence }) == TurnDecision::Commit)
            .expect("it commits in the end")
    }

    fn judged(probability: f32) -> [Judgement; 1] {
        [Judgement {
            silent_ms: 200,
            probability,
        }]
    }

    // spec: CONV-1
    #[test]
    fn the_surer_the_witnesses_the_shorter_the_silence() {
        let policy = TurnPolicy::default();
        let commit = |p: f32, ending| commits(&policy, at(0, &judged(p), Some(ending)));
        assert_eq!(commit(0.97, Ending::Sentence), policy.sure_ms);
        assert_eq!(commit(0.1, Ending::Sentence), policy.doubtful_ms);
        assert_eq!(commit(0.1, Ending::Open), policy.open_ms);
        assert!(
            commit(0.97, Ending::Open) > policy.sure_ms + 200,
            "unfinished words outweigh a sure model"
        );
        for ending in [Ending::Sentence, Ending::Unclear, Ending::Open, Ending::Nothing] {
            assert!(commit(0.9, ending) <= commit(0.5, ending) && commit(0.5, ending) <= commit(0.1, ending));
        }
    }

    // spec: CONV-1
    #[test]
    fn a_request_for_time_and_a_hard_question_are_given_time_up_to_the_cap() {
        let policy = TurnPolicy::default();
        let sure = judged(0.99);
        assert!(commits(&policy, at(0, &sure, Some(Ending::AsksForTime))) >= 3000);
        let doubtful = judged(0.1);
        let normal = commits(&policy, at(0, &doubtful, Some(Ending::Open)));
        let long = commits(
            &policy,
            Silence {
                patience: Patience::Long,
                ..at(0, &doubtful, Some(Ending::Open))
            },
        );
        let short = commits(
            &policy,
            Silence {
                patience: Patience::Short,
                ..at(0, &doubtful, Some(Ending::Open))
            },
        );
        assert!(short < normal && normal < long && long <= policy.cap_ms);
        let greedy = TurnPolicy {
            open_ms: 60_000,
            asked_ms: 60_000,
            ..policy
        };
        assert_eq!(
            commits(&greedy, at(0, &doubtful, Some(Ending::AsksForTime))),
            policy.cap_ms
        );
    }

    // spec: CONV-1
    #[test]
    fn the_bar_rises_with_the_silence() {
        let policy = TurnPolicy::default();
        let early = [Judgement {
            silent_ms: 200,
            probability: 0.7,
        }];
        let late = [Judgement {
            silent_ms: 700,
            probability: 0.7,
        }];
        let needed = |judgements| policy.needed_ms(at(0, judgements, Some(Ending::Sentence)));
        assert!(needed(&late) > needed(&early));
    }

    // spec: CONV-1
    #[test]
    fn somebody_who_pauses_long_is_waited_for() {
        let mut pauses = PauseStats::default();
        let policy = TurnPolicy::default();
        let doubtful = judged(0.5);
        let before = commits(&policy, at(0, &doubtful, Some(Ending::Sentence)));
        for pause in [900, 1100, 1000, 1200, 950] {
            pauses.note(pause);
        }
        let after = commits(
            &policy,
            Silence {
                pauses,
                ..at(0, &doubtful, Some(Ending::Sentence))
            },
        );
        assert!(after > before && after <= policy.open_ms, "{before} {after}");
        let sure = judged(0.97);
        assert!(
            commits(
                &policy,
                Silence {
                    pauses,
                    ..at(0, &sure, Some(Ending::Sentence))
                }
            ) <= policy.sure_ms
        );
    }

    #[test]
    fn it_asks_the_turn_model_at_its_times_and_only_while_it_still_matters() {
        let policy = TurnPolicy::default();
        assert_eq!(
            policy.decide(at(0, &[], None)),
            TurnDecision::Wait {
                until_ms: policy.judge_at_ms[0],
                judge: true
            }
        );
        let doubtful = judged(0.2);
        assert_eq!(
            policy.decide(at(250, &doubtful, None)),
            TurnDecision::Wait {
                until_ms: policy.judge_at_ms[1],
                judge: true
            }
        );
        let TurnDecision::Wait { until_ms, judge } = policy.decide(at(1200, &doubtful, None)) else {
            panic!("an unfinished turn is waited for")
        };
        assert!(!judge && until_ms > 1200);
    }

    #[test]
    fn how_words_end() {
        let cases = [
            ("I worked there for two years.", Ending::Sentence),
            ("Is that what you mean?", Ending::Sentence),
            ("He said \"stop.\"", Ending::Sentence),
            ("I worked on payments, and", Ending::Open),
            ("I worked on payments and.", Ending::Open),
            ("Well,", Ending::Open),
            ("So the thing is...", Ending::Open),
            ("I think, um", Ending::Open),
            ("the database", Ending::Unclear),
            ("", Ending::Nothing),
            ("...", Ending::Nothing),
            ("Hmm, let me think.", Ending::AsksForTime),
            ("Good question, give me a second", Ending::AsksForTime),
            ("I asked them to let me think it over.", Ending::Sentence),
        ];
        for (text, expected) in cases {
            assert_eq!(ending_of(text), expected, "{text}");
        }
    }
}
