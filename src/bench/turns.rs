//! `emma bench turns`: how often a speaker is cut off, and how long a finished one waits.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::bench::audio::{load, percentile};
use crate::bootstrap::engines::Ears;
use crate::screening::calls::domain::ports::{Priority, TranscriptionJob};
use crate::screening::calls::domain::turn_policy::{
    Ending, Judgement, Patience, PauseStats, Silence, TurnDecision, TurnPolicy, ending_of,
};

/// What to measure on.
#[derive(Debug, Clone, clap::Args)]
pub struct TurnsArgs {
    /// JSON lines: file, kind (hold or shift), `speech_start`, `pause_start`, `next_speech`; seconds.
    pub points: PathBuf,
    /// Folder the files are in.
    pub speech: PathBuf,
    /// Shows every decision point.
    #[arg(long)]
    pub show: bool,
}

/// One silence: inside an utterance (`hold`) or after it (`shift`).
#[derive(Debug, Deserialize)]
struct Point {
    file: String,
    kind: Kind,
    speech_start: f64,
    pause_start: f64,
    next_speech: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Hold,
    Shift,
}

/// What the witnesses say about one silence.
struct Observed {
    kind: Kind,
    /// Length of the silence where the speaker goes on.
    pause_ms: Option<u64>,
    judgements: Vec<Judgement>,
    ending: Ending,
    name: String,
    text: String,
}

/// Milliseconds between the beginning of a silence and its first partial transcript: asked for when the turn model
/// is first asked, and about 0.3 s of decoding.
const TRANSCRIPT_AFTER_MS: u64 = 500;

/// Puts every silence before the turn model, the transcriber and the policy.
pub async fn turns(ears: &Ears, args: &TurnsArgs) -> anyhow::Result<String> {
    let policy = TurnPolicy::default();
    let lines =
        std::fs::read_to_string(&args.points).with_context(|| format!("cannot read {}", args.points.display()))?;
    let mut observed = Vec::new();
    for line in lines.lines().filter(|l| !l.trim().is_empty()) {
        let point: Point = serde_json::from_str(line).with_context(|| format!("cannot read {line:?}"))?;
        observed.push(observe(ears, args, &policy, point).await?);
    }
    let mut report = model_table(&observed, &policy)?;
    report += &policy_table(&observed, &policy)?;
    if args.show {
        for o in &observed {
            let scores: Vec<String> = o.judgements.iter().map(|j| format!("{:.2}", j.probability)).collect();
            let committed = commit_ms(&policy, o, Patience::Normal, Some(TRANSCRIPT_AFTER_MS));
            writeln!(
                report,
                "{:?} {} pause {:?} p {} {:?} commit {committed} | {}",
                o.kind,
                o.name,
                o.pause_ms,
                scores.join(" "),
                o.ending,
                o.text
            )?;
        }
    }
    Ok(report)
}

async fn observe(ears: &Ears, args: &TurnsArgs, policy: &TurnPolicy, point: Point) -> anyhow::Result<Observed> {
    let samples = load(&args.speech.join(&point.file))?;
    let sample_of = |seconds: f64| (seconds * 16_000.0) as usize;
    let begin = sample_of((point.speech_start - 0.3).max(0.0));
    // What has been heard `silent_ms` into the silence; after the end of the file it is silent.
    let until = |silent_ms: u64| {
        let end = sample_of(point.pause_start) + silent_ms as usize * 16;
        let mut audio = samples[begin.min(samples.len())..end.min(samples.len())].to_vec();
        audio.resize(end.saturating_sub(begin), 0.0);
        audio
    };
    let mut judgements = Vec::new();
    for silent_ms in policy.judge_at_ms {
        let probability = ears.turn_judge.judge(until(silent_ms).into()).await?;
        judgements.push(Judgement { silent_ms, probability });
    }
    let job = TranscriptionJob {
        audio: until(policy.judge_at_ms[0]).into(),
        priority: Priority::Speculative,
        language: "en".to_owned(),
        context: String::new(),
        speech_ms: None,
        cancel: CancellationToken::new(),
    };
    let text = ears.speech_to_text.transcribe(job).await?.text;
    Ok(Observed {
        kind: point.kind,
        pause_ms: point
            .next_speech
            .filter(|_| point.kind == Kind::Hold)
            .map(|next| ((next - point.pause_start) * 1000.0) as u64),
        judgements,
        ending: ending_of(&text),
        name: format!("{} {:.2}", point.file, point.pause_start),
        text,
    })
}

/// The silence at which the policy commits, millisecond by millisecond as a call would ask it.
/// `transcript_ms`: when the partial transcript is there.
fn commit_ms(policy: &TurnPolicy, o: &Observed, patience: Patience, transcript_ms: Option<u64>) -> u64 {
    /// A judgement takes about this long on a machine that is not busy.
    const JUDGING_MS: u64 = 50;
    (0..10_000)
        .step_by(10)
        .find(|&silent_ms| {
            let known = o
                .judgements
                .iter()
                .take_while(|j| j.silent_ms + JUDGING_MS <= silent_ms)
                .count();
            let ending = transcript_ms.filter(|&at| at <= silent_ms).map(|_| o.ending);
            let silence = Silence {
                silent_ms,
                judgements: &o.judgements[..known],
                ending,
                patience,
                pauses: PauseStats::default(),
            };
            policy.decide(silence) == TurnDecision::Commit
        })
        .unwrap_or(10_000)
}

/// False cutoffs among the holds and the delays of the shifts when commits come at `commit`.
fn outcome(observed: &[Observed], commit: impl Fn(&Observed) -> u64) -> (usize, usize, Vec<f64>) {
    let holds = observed.iter().filter_map(|o| Some((o, o.pause_ms?)));
    let cut = holds.clone().filter(|(o, pause)| commit(o) < *pause).count();
    let delays = observed
        .iter()
        .filter(|o| o.kind == Kind::Shift)
        .map(|o| commit(o) as f64)
        .collect();
    (cut, holds.count(), delays)
}

fn row(report: &mut String, name: &str, (cut, holds, delays): (usize, usize, Vec<f64>)) -> std::fmt::Result {
    let share = 100.0 * cut as f64 / holds.max(1) as f64;
    let mean = delays.iter().sum::<f64>() / delays.len().max(1) as f64;
    let (p50, p95) = (percentile(&delays, 0.5), percentile(&delays, 0.95));
    writeln!(
        report,
        "{name:<44} {cut:>3}/{holds:<3} {share:>5.1} % {mean:>6.0} {p50:>6.0} {p95:>6.0}"
    )
}

/// The turn model alone at each of the silences.
fn model_table(observed: &[Observed], policy: &TurnPolicy) -> Result<String, std::fmt::Error> {
    let mut out = String::from("turn model, p > 0.5 after   shifts found   holds judged finished\n");
    for (i, at) in policy.judge_at_ms.iter().enumerate() {
        let count = |kind| {
            let of_kind = observed
                .iter()
                .filter(|o| o.kind == kind && o.pause_ms.is_none_or(|p| p >= *at));
            (
                of_kind.clone().filter(|o| o.judgements[i].probability > 0.5).count(),
                of_kind.count(),
            )
        };
        let ((found, shifts), (wrong, holds)) = (count(Kind::Shift), count(Kind::Hold));
        writeln!(out, "{at:>5} ms {found:>24}/{shifts:<3} {wrong:>20}/{holds:<3}")?;
    }
    Ok(out)
}

/// The policy, and plain silence for comparison.
fn policy_table(observed: &[Observed], policy: &TurnPolicy) -> Result<String, std::fmt::Error> {
    let mut out =
        String::from("\npolicy                                       false cutoffs   delay mean    p50    p95 ms\n");
    for silence in [300, 600, 800, 1000, 1500] {
        row(
            &mut out,
            &format!("plain silence of {silence} ms"),
            outcome(observed, |_| silence),
        )?;
    }
    for (name, patience) in [
        ("short", Patience::Short),
        ("normal", Patience::Normal),
        ("long", Patience::Long),
    ] {
        let with = |text: Option<u64>| outcome(observed, |o| commit_ms(policy, o, patience, text));
        row(
            &mut out,
            &format!("{name} patience, transcript after 0.5 s"),
            with(Some(TRANSCRIPT_AFTER_MS)),
        )?;
        row(&mut out, &format!("{name} patience, no transcript"), with(None))?;
    }
    Ok(out)
}
