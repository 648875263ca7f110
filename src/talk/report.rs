//! What a call was like: as JSON, and as a table.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::talk::protocol::Parts;
use crate::talk::transcript::Line;
use crate::talk::turn_tracker::Turn;
use crate::talk::wer::WordErrors;

/// One call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CallReport {
    pub turns: Vec<TurnReport>,
    /// Everything both sides said, as it finally stood.
    pub segments: Vec<Line>,
    pub status: Option<String>,
    pub end_reason: Option<String>,
    /// Why the call failed.
    pub error: Option<String>,
    pub summary: Summary,
}

/// One answer and Emma's reply to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TurnReport {
    pub answer: String,
    /// What Emma understood.
    pub transcript: String,
    /// From the last speech sent to the first audible sample received; `null` where Emma spoke already or never did.
    pub voice_to_voice_ms: Option<f64>,
    pub parts: Option<PartsReport>,
    /// Emma began to speak while the candidate still did.
    pub interrupted: bool,
    /// The candidate began to speak while Emma still did.
    pub barge_in: bool,
    /// After a barge-in, from the candidate's first speech to Emma's silence.
    pub yield_ms: Option<f64>,
    /// When the packets with the first and the last speech left, milliseconds since the call's clock started.
    pub first_speech_ms: Option<f64>,
    pub last_speech_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_errors: Option<WordErrors>,
}

/// How the delay came about; adds up to `voice_to_voice_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PartsReport {
    pub end_of_turn_ms: f64,
    pub transcription_ms: f64,
    /// Of a language model; 0 without one.
    pub first_token_ms: f64,
    pub reply_ms: f64,
    pub first_audio_ms: f64,
    /// The remainder: the network both ways, the server's jitter buffer, codecs and pacing. Negative where the server
    /// heard the speech end earlier than this side sent its last sample.
    pub network_ms: f64,
}

/// A call, or several, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    pub turns: usize,
    pub median_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    /// Turns in which Emma cut in.
    pub cut_offs: usize,
    /// Packets made, those lost on purpose included.
    pub packets_sent: u64,
    /// Of these, lost on purpose.
    pub packets_lost: u64,
    pub packets_received: u64,
    /// Packets of Emma's that never came in time.
    pub packets_missing: u64,
    /// Word error rate in percent, where the answers' texts are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wer_percent: Option<f64>,
}

impl TurnReport {
    /// A turn as it was tracked.
    pub fn new(answer: &str, transcript: String, turn: &Turn, word_errors: Option<WordErrors>) -> Self {
        let voice_to_voice = turn.voice_to_voice().map(milliseconds);
        Self {
            answer: answer.to_owned(),
            transcript,
            voice_to_voice_ms: voice_to_voice,
            parts: turn
                .parts
                .zip(voice_to_voice)
                .map(|(parts, total)| PartsReport::new(parts, total)),
            interrupted: turn.interrupted,
            barge_in: turn.barge_in,
            yield_ms: turn.yield_time().map(milliseconds),
            first_speech_ms: turn.first_speech.map(milliseconds),
            last_speech_ms: turn.last_speech.map(milliseconds),
            word_errors,
        }
    }
}

impl PartsReport {
    fn new(parts: Parts, total_ms: f64) -> Self {
        Self {
            end_of_turn_ms: parts.end_of_turn_ms,
            transcription_ms: parts.transcription_ms,
            first_token_ms: parts.first_token_ms,
            reply_ms: parts.reply_ms,
            first_audio_ms: parts.first_audio_ms,
            network_ms: total_ms - parts.total_ms(),
        }
    }
}

impl Summary {
    /// What the turns say; packets are counted elsewhere.
    pub fn of<'a>(turns: impl IntoIterator<Item = &'a TurnReport>) -> Self {
        let turns: Vec<&TurnReport> = turns.into_iter().collect();
        let delays: Vec<f64> = turns.iter().filter_map(|turn| turn.voice_to_voice_ms).collect();
        let words: Vec<WordErrors> = turns.iter().filter_map(|turn| turn.word_errors).collect();
        Self {
            turns: turns.len(),
            median_ms: median(&delays),
            p95_ms: percentile(&delays, 95.0),
            cut_offs: turns.iter().filter(|turn| turn.interrupted).count(),
            wer_percent: words.into_iter().reduce(WordErrors::plus).and_then(WordErrors::percent),
            ..Self::default()
        }
    }

    /// All calls together.
    pub fn of_calls(calls: &[CallReport]) -> Self {
        let mut summary = Self::of(calls.iter().flat_map(|call| &call.turns));
        for call in calls {
            summary.packets_sent += call.summary.packets_sent;
            summary.packets_lost += call.summary.packets_lost;
            summary.packets_received += call.summary.packets_received;
            summary.packets_missing += call.summary.packets_missing;
        }
        summary
    }
}

/// The report file: the call itself, or `calls` and a summary over all.
pub fn json(url: &str, calls: &[CallReport]) -> serde_json::Value {
    #[derive(Serialize)]
    struct One<'a> {
        url: &'a str,
        #[serde(flatten)]
        call: &'a CallReport,
    }
    let value = match calls {
        [call] => serde_json::to_value(One { url, call }),
        _ => Ok(serde_json::json!({"url": url, "calls": calls, "summary": Summary::of_calls(calls)})),
    };
    value.unwrap_or_default()
}

/// The turns of one call and how it ended.
pub fn table(call: &CallReport) -> String {
    let mut text = String::from(
        "turn  answer                          voice to voice =   end of turn + transcript. + first token +       reply + first audio +     network\n",
    );
    for (number, turn) in call.turns.iter().enumerate() {
        let name: String = turn.answer.chars().take(30).collect();
        let total = turn
            .voice_to_voice_ms
            .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
        write!(text, "{:>4}  {name:<30}  {total:>14}", number + 1).ok();
        if let Some(p) = turn.parts {
            let [eot, stt, token, reply, audio, network] = [
                p.end_of_turn_ms,
                p.transcription_ms,
                p.first_token_ms,
                p.reply_ms,
                p.first_audio_ms,
                p.network_ms,
            ];
            write!(
                text,
                "   {eot:>11.0}   {stt:>11.0}   {token:>11.0}   {reply:>11.0}   {audio:>11.0}   {network:>11.0}"
            )
            .ok();
        }
        for (mark, set) in [("cut off", turn.interrupted), ("barged in", turn.barge_in)] {
            if set {
                write!(text, "  [{mark}]").ok();
            }
        }
        if let Some(ms) = turn.yield_ms {
            write!(text, "  silent after {ms:.0} ms").ok();
        }
        text.push('\n');
    }
    text.push_str(&line(&call.summary));
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    writeln!(
        text,
        "status {}, end reason {}",
        or_unknown(&call.status),
        or_unknown(&call.end_reason)
    )
    .ok();
    text
}

/// A summary as text.
pub fn line(summary: &Summary) -> String {
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let mut text = format!(
        "{} turns, median {}, p95 {}, cut off {}; packets sent {} (lost {}), received {} (missing {})\n",
        summary.turns,
        ms(summary.median_ms),
        ms(summary.p95_ms),
        summary.cut_offs,
        summary.packets_sent,
        summary.packets_lost,
        summary.packets_received,
        summary.packets_missing
    );
    if let Some(wer) = summary.wer_percent {
        writeln!(text, "word error rate through the call {wer:.2} %").ok();
    }
    text
}

fn milliseconds(time: Duration) -> f64 {
    // A tenth of a millisecond is finer than any clock involved.
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Nearest-rank percentile.
fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(reply_after_ms: Option<u64>) -> Turn {
        let last = Duration::from_secs(5);
        Turn {
            first_speech: Some(Duration::from_secs(1)),
            last_speech: Some(last),
            reply: reply_after_ms.map(|ms| last + Duration::from_millis(ms)),
            parts: Some(Parts {
                end_of_turn_ms: 400.0,
                transcription_ms: 100.0,
                first_token_ms: 5.0,
                reply_ms: 15.0,
                first_audio_ms: 80.0,
            }),
            ..Turn::default()
        }
    }

    fn call(delays: &[Option<u64>]) -> CallReport {
        let turns: Vec<TurnReport> = delays
            .iter()
            .map(|ms| TurnReport::new("a.wav", "hello".to_owned(), &turn(*ms), None))
            .collect();
        CallReport {
            summary: Summary::of(&turns),
            turns,
            status: Some("completed".to_owned()),
            ..CallReport::default()
        }
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let report = call(&[Some(655)]);
        let parts = report.turns[0].parts.expect("parts");
        let sum = parts.end_of_turn_ms
            + parts.transcription_ms
            + parts.first_token_ms
            + parts.reply_ms
            + parts.first_audio_ms
            + parts.network_ms;
        assert_eq!(report.turns[0].voice_to_voice_ms, Some(655.0));
        assert!((sum - 655.0).abs() < 1e-9);
    }

    #[test]
    fn median_and_p95_leave_out_turns_without_a_delay() {
        let summary = call(&[Some(100), None, Some(300), Some(200), Some(1000)]).summary;
        assert_eq!(
            (summary.turns, summary.median_ms, summary.p95_ms),
            (5, Some(250.0), Some(1000.0))
        );
        assert_eq!(call(&[]).summary.median_ms, None);
    }

    #[test]
    fn one_call_stands_at_the_top_and_several_in_a_list() {
        let report = call(&[Some(100)]);
        let one = json("u", std::slice::from_ref(&report));
        assert_eq!(one["turns"][0]["voice_to_voice_ms"], 100.0);
        assert_eq!((&one["url"], &one["status"]), (&"u".into(), &"completed".into()));
        let two = json("u", &[report.clone(), report]);
        assert_eq!(two["calls"][1]["turns"][0]["answer"], "a.wav");
        assert_eq!(two["summary"]["turns"], 2);
    }

    #[test]
    fn the_table_shows_every_turn() {
        let mut report = call(&[Some(655), None]);
        report.turns[1].interrupted = true;
        let text = table(&report);
        assert!(
            text.contains("655 ms") && text.contains("[cut off]") && text.contains("status completed"),
            "{text}"
        );
    }
}
