//! The headless candidate against a server on the loopback address: real HTTP, real WebRTC, real time.

#[path = "support/loopback_emma.rs"]
mod loopback_emma;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use emma::talk::{self, TalkArgs};
use loopback_emma::{LoopbackEmma, Manner};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    talk: TalkArgs,
}

/// A spoken answer: 400 ms of silence, 800 ms of a tone, 1 s of silence, at 16 kHz.
fn answer(dir: &Path) -> String {
    let path = dir.join("answer.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("created");
    for n in 0..16_000 * 22 / 10 {
        let speaks = (6400..19_200).contains(&n);
        let tone = (n as f32 * 200.0 / 16_000.0 * std::f32::consts::TAU).sin() * 8000.0;
        file.write_sample(if speaks { tone as i16 } else { 0 })
            .expect("written");
    }
    file.finalize().expect("closed");
    path.to_string_lossy().into_owned()
}

/// Runs `emma talk` and reads its report.
async fn talk_to(link: &str, arguments: &[&str], dir: &Path, cancel: CancellationToken) -> (ExitCode, Value) {
    let json = dir.join("report.json");
    let fixed = ["talk", "--url", link, "--json", json.to_str().expect("a path")];
    let args = Command::try_parse_from(fixed.iter().chain(arguments))
        .expect("valid arguments")
        .talk;
    let code = talk::run_until(args, cancel).await.expect("runs");
    let report = std::fs::read_to_string(&json).unwrap_or_else(|_| "null".to_owned());
    (code, serde_json::from_str(&report).expect("JSON"))
}

// spec: CALL-1
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_two_turns_is_measured_and_recorded() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner::default()).await;
    let wav = dir.path().join("call.wav");
    let reference = dir.path().join("ref.tsv");
    std::fs::write(&reference, "id\ttext\nanswer\tTHE TONE\n").expect("written");
    let arguments = [
        "--record",
        wav.to_str().expect("a path"),
        "--expect",
        reference.to_str().expect("a path"),
        &answer(dir.path()),
    ];
    let (code, report) = talk_to(&emma.link("demo"), &arguments, dir.path(), CancellationToken::new()).await;

    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert_eq!(
        (&report["status"], &report["end_reason"]),
        (&"completed".into(), &"agenda_completed".into())
    );
    let turns = report["turns"].as_array().expect("turns");
    assert_eq!(turns.len(), 2, "{report:#}");
    for turn in turns {
        // 300 ms to notice the end, 200 ms of thought, and both ways through jitter buffers and codecs.
        let delay = turn["voice_to_voice_ms"].as_f64().expect("a delay");
        assert!((500.0..1000.0).contains(&delay), "{turn:#}");
        let sum: f64 = turn["parts"]
            .as_object()
            .expect("parts")
            .values()
            .filter_map(Value::as_f64)
            .sum();
        assert!((sum - delay).abs() < 0.01, "{turn:#}");
        assert_eq!(
            (&turn["answer"], &turn["transcript"]),
            (&"answer.wav".into(), &"A tone.".into())
        );
        assert_eq!(turn["interrupted"], false);
    }
    assert_eq!(report["summary"]["wer_percent"], 50.0);
    assert_eq!(report["segments"].as_array().map(Vec::len), Some(5), "{report:#}");
    assert!(
        emma.seen()[0]
            .fragments
            .iter()
            .any(|fragment| fragment.contains("a=end-of-candidates"))
    );
    check_recording(&wav, turns);
}

/// Left holds the tone where the report says it was sent, right Emma's after the delay reported.
fn check_recording(path: &Path, turns: &[Value]) {
    let mut file = hound::WavReader::open(path).expect("opens");
    let samples: Vec<i16> = file.samples().map(|s| s.expect("sample")).collect();
    let level = |channel: usize, from_ms: f64, ms: f64| {
        let at = |ms: f64| (ms * 48.0) as usize * 2 + channel;
        let part: Vec<f32> = (at(from_ms)..at(from_ms + ms))
            .step_by(2)
            .map(|n| f32::from(samples[n]))
            .collect();
        (part.iter().map(|s| s * s).sum::<f32>() / part.len() as f32).sqrt()
    };
    for turn in turns {
        let ms = |name: &str| turn[name].as_f64().expect("a time");
        let (first, last) = (ms("first_speech_ms"), ms("last_speech_ms"));
        let reply = last + ms("voice_to_voice_ms");
        assert!(
            level(0, first + 100.0, 500.0) > 3000.0 && level(0, last + 100.0, 300.0) < 10.0,
            "left, {turn:#}"
        );
        assert!(
            level(1, last, 300.0) < 100.0 && level(1, reply + 150.0, 250.0) > 2000.0,
            "right, {turn:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_does_not_stop_a_call_and_is_counted() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner {
        replies: 1,
        ..Manner::default()
    })
    .await;
    let arguments = ["--loss", "10", "--loss-in", "5", "--noise=-70", &answer(dir.path())];
    let (code, report) = talk_to(&emma.link("demo"), &arguments, dir.path(), CancellationToken::new()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    let count = |name: &str| report["summary"][name].as_f64().expect("a count");
    let share = count("packets_lost") / count("packets_sent");
    assert!((0.02..0.25).contains(&share), "{share}");
    assert!(count("packets_missing") > 0.0, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn being_cut_off_is_seen() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner {
        cut_in: Some(Duration::from_millis(300)),
        ..Manner::default()
    })
    .await;
    let arguments = ["--turns", "1", "--patience", "3000", &answer(dir.path())];
    let (code, report) = talk_to(&emma.link("demo"), &arguments, dir.path(), CancellationToken::new()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert_eq!(
        (&report["turns"][0]["interrupted"], &report["summary"]["cut_offs"]),
        (&true.into(), &1.into())
    );
    assert_eq!(report["end_reason"], "candidate_ended");
    assert!(emma.seen()[0].asked_to_end);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_each_have_their_own_person_and_answers_can_be_typed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner {
        replies: 1,
        rubbish: Some("{]"),
        ..Manner::default()
    })
    .await;
    let arguments = ["--calls", "3", "--stagger", "50", "text:Hello there"];
    let (code, report) = talk_to(&emma.link("demo"), &arguments, dir.path(), CancellationToken::new()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert_eq!(report["calls"].as_array().map(Vec::len), Some(3));
    assert_eq!(report["summary"]["turns"], 3);
    let typed: Vec<_> = emma.seen().into_iter().map(|seen| seen.typed).collect();
    assert_eq!(typed, vec![vec!["Hello there".to_owned()]; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again_and_the_call_goes_on() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner {
        replies: 1,
        ..Manner::default()
    })
    .await;
    let wav = dir.path().join("call.wav");
    let arguments = [
        "--drop-after",
        "2",
        "--away",
        "1",
        "--record",
        wav.to_str().expect("a path"),
        &answer(dir.path()),
    ];
    let (code, report) = talk_to(&emma.link("demo"), &arguments, dir.path(), CancellationToken::new()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert!(emma.seen()[0].resumed);
    let turns = report["turns"].as_array().expect("turns");
    assert_eq!(turns.len(), 2, "the answer that was cut off, and the next: {report:#}");
    assert_eq!(turns[0]["voice_to_voice_ms"], Value::Null);
    check_recording(&wav, &turns[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_call_is_hung_up_and_still_reported() {
    let dir = tempfile::tempdir().expect("temp dir");
    let emma = LoopbackEmma::start(Manner {
        sentence: Duration::from_mins(1),
        ..Manner::default()
    })
    .await;
    let cancel = CancellationToken::new();
    let wav = dir.path().join("call.wav");
    let (link, file) = (emma.link("demo"), answer(dir.path()));
    let arguments = ["--record", wav.to_str().expect("a path"), &file];
    let interrupt = async {
        // The greeting's caption shows that the call is on.
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        while emma.seen().first().is_none_or(|seen| seen.fragments.is_empty()) {
            clock.tick().await;
        }
        for _ in 0..50 {
            clock.tick().await;
        }
        cancel.cancel();
    };
    let ((code, report), ()) = tokio::join!(talk_to(&link, &arguments, dir.path(), cancel.clone()), interrupt);
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert!(emma.seen()[0].hung_up);
    assert!(hound::WavReader::open(&wav).expect("opens").duration() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vanishes_or_talks_nonsense_is_a_clear_failure() {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = answer(dir.path());
    let emma = LoopbackEmma::start(Manner {
        vanish: true,
        ..Manner::default()
    })
    .await;
    let nobody = "http://127.0.0.1:1/i/demo".to_owned();
    for (link, expected) in [
        (emma.link("demo"), "the connection was lost"),
        (
            emma.link("used"),
            "opening the link was refused: 410 This link was used already (Ask for a new one.)",
        ),
        (
            emma.link("garbage"),
            "opening the link: the server's answer makes no sense",
        ),
        (nobody, "cannot reach http://127.0.0.1:1/"),
    ] {
        let (code, report) = talk_to(&link, &[&file], dir.path(), CancellationToken::new()).await;
        let error = report["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(expected), "{error:?} for {link}");
        assert_eq!(code, ExitCode::from(1));
    }
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_usage_errors() {
    let dir = tempfile::tempdir().expect("temp dir");
    for arguments in [
        &["/nowhere/a.wav"][..],
        &[],
        &["--expect", "/nowhere/ref.tsv", "text:hi"],
    ] {
        let (code, _) = talk_to(
            "http://127.0.0.1:1/i/demo",
            arguments,
            dir.path(),
            CancellationToken::new(),
        )
        .await;
        assert_eq!(code, ExitCode::from(2), "{arguments:?}");
    }
}
