//! The headless candidate over a WebSocket, against the whole service in real time.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use emma::talk::{self, TalkArgs};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::engines::ANSWER;
use crate::ws_call::Invited;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    talk: TalkArgs,
}

/// A spoken answer: 300 ms of silence, 800 ms of a tone, 500 ms of silence, at 16 kHz.
fn answer(dir: &Path) -> String {
    let path = dir.join("answer.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("created");
    for n in 0..16 * 1600 {
        let speaks = (16 * 300..16 * 1100).contains(&n);
        let tone = (n as f32 * 200.0 / 16_000.0 * std::f32::consts::TAU).sin() * 12_000.0;
        file.write_sample(if speaks { tone as i16 } else { 0 })
            .expect("written");
    }
    file.finalize().expect("closed");
    path.to_string_lossy().into_owned()
}

async fn talk_to(link: &str, arguments: &[&str], dir: &Path) -> (ExitCode, Value) {
    let json = dir.join("report.json");
    let fixed = ["talk", "--ws", "--url", link, "--json", json.to_str().expect("a path")];
    let args = Command::try_parse_from(fixed.iter().chain(arguments))
        .expect("valid")
        .talk;
    let code = talk::run_until(args, CancellationToken::new()).await.expect("runs");
    let report = std::fs::read_to_string(&json).unwrap_or_else(|_| "null".to_owned());
    (code, serde_json::from_str(&report).expect("JSON"))
}

// spec: CALL-2
#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_holds_the_same_interview_over_a_websocket() {
    let at = Invited::consented().await;
    let dir = tempfile::tempdir().expect("a directory");
    let wav = dir.path().join("call.wav");
    let spoken = answer(dir.path());
    let arguments = [
        "--turns",
        "2",
        "--record",
        wav.to_str().expect("a path"),
        &spoken,
        "text:I am ready.",
    ];
    let (code, report) = talk_to(&at.link(), &arguments, dir.path()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    assert_eq!(report["end_reason"], "candidate_ended", "{report:#}");
    let turns = report["turns"].as_array().expect("turns");
    assert_eq!(turns[0]["transcript"], ANSWER, "{report:#}");
    assert_eq!(turns[1]["transcript"], "I am ready.");
    for turn in turns {
        let delay = turn["voice_to_voice_ms"].as_f64().expect("a delay");
        // Nobody waits for the end of what was typed.
        let least = if turn["answer"] == "answer.wav" { 100.0 } else { 0.0 };
        assert!((least..8000.0).contains(&delay), "{turn:#}");
        let parts = turn["parts"]
            .as_object()
            .expect("parts")
            .values()
            .filter_map(Value::as_f64);
        assert!((parts.sum::<f64>() - delay).abs() < 0.01, "{turn:#}");
    }
    let segments = report["segments"].as_array().expect("segments");
    assert!(
        segments.iter().any(|s| s["speaker"] == "emma") && segments.len() >= 5,
        "{report:#}"
    );
    assert!(report["summary"]["packets_received"].as_u64() > Some(100));
    assert_eq!(at.call().await["end_reason"], "candidate_ended");

    let mut file = hound::WavReader::open(&wav).expect("opens");
    let samples: Vec<i16> = file.samples().map(|s| s.expect("sample")).collect();
    let ms = |name: &str| turns[0][name].as_f64().expect("a time");
    let peak = |side: usize, from_ms: f64| {
        let from = (from_ms * 48.0) as usize * 2;
        samples[from..from + 2 * 48 * 300]
            .iter()
            .skip(side)
            .step_by(2)
            .map(|s| s.abs())
            .max()
    };
    assert!(
        peak(0, ms("first_speech_ms") + 100.0) > Some(6000),
        "the answer is on the left"
    );
    let reply = ms("last_speech_ms") + ms("voice_to_voice_ms");
    assert!(peak(1, reply + 100.0) > Some(3000), "the reply is on the right");
}

// spec: CALL-7
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_socket_is_made_again_and_the_call_goes_on() {
    let at = Invited::consented().await;
    let dir = tempfile::tempdir().expect("a directory");
    let spoken = answer(dir.path());
    let arguments = ["--drop-after", "3", "--away", "1", "--turns", "2", &spoken];
    let (code, report) = talk_to(&at.link(), &arguments, dir.path()).await;
    assert_eq!(code, ExitCode::SUCCESS, "{report:#}");
    let call = at.call().await;
    assert_eq!(
        (&call["attempt"], &call["end_reason"]),
        (&1.into(), &"candidate_ended".into())
    );
    let log = at
        .app
        .get(&format!("/api/v1/calls/{}", call["id"].as_str().expect("an id")))
        .await
        .text;
    assert!(log.contains("reconnecting"), "{log}");
}

// spec: CALL-2
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_socket_is_a_clear_failure() {
    let at = Invited::consented().await;
    let dir = tempfile::tempdir().expect("a directory");
    let mut first = at.join("").await;
    first.control("emma_speaking").await;
    let (code, report) = talk_to(&at.link(), &["text:hi"], dir.path()).await;
    assert_eq!(code, ExitCode::from(1));
    let error = report["error"].as_str().expect("an error");
    assert_eq!(
        error,
        "the connection was refused: the interview is being held elsewhere"
    );
    let elsewhere = at.link().replace("/i/", "/i/x");
    let (code, report) = talk_to(&elsewhere, &["text:hi"], dir.path()).await;
    assert_eq!(code, ExitCode::from(1));
    assert!(report["error"].as_str().expect("an error").contains("404"), "{report}");
}
