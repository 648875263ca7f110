//! The sound of a call: there only where the candidate agreed, in step with the transcript, and gone when asked.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::Answer;
use crate::ws_call::Invited;

/// Holds a call in which the candidate says something; gives the path of its recording and the transcript.
async fn held(at: &Invited) -> (String, Answer) {
    let mut client = at.join("").await;
    client.control("listening").await;
    client.speak(16_000).await;
    client
        .until(|m| m["type"] == "caption" && m["speaker"] == "candidate" && m["final"] == true)
        .await;
    client.send(&json!({"type": "end"})).await;
    client.control("call_ended").await;
    assert_eq!(client.close_code().await, 1000);
    let id = at.call().await["id"].as_str().expect("text").to_owned();
    let transcript = at.app.get(&format!("/api/v1/calls/{id}/transcript")).await;
    (format!("/api/v1/calls/{id}/recording"), transcript)
}

/// Loudness of both sides in each 20 ms, once the recording has its end.
async fn heard(at: &Invited, path: &str) -> Vec<(f32, f32)> {
    let file = loop {
        let answer = at.app.get(path).await;
        if answer.status == StatusCode::OK && last_flags(&answer.bytes) & 4 != 0 {
            assert_eq!(answer.header("content-type"), "audio/ogg");
            break answer.bytes;
        }
        tokio::task::yield_now().await;
    };
    let mut decoder = opus::Decoder::new(16_000, opus::Channels::Stereo).expect("valid");
    let mut out = [0.0_f32; 640];
    pages(&file)
        .into_iter()
        .skip(2)
        .flat_map(|(_, packets)| packets)
        .map(|packet| {
            decoder.decode_float(packet, &mut out, false).expect("valid");
            let peak = |side: usize| {
                out.iter()
                    .skip(side)
                    .step_by(2)
                    .fold(0.0_f32, |peak, s| peak.max(s.abs()))
            };
            (peak(0), peak(1))
        })
        .collect()
}

/// Flags and packets of each page; no packet here spans two.
fn pages(mut file: &[u8]) -> Vec<(u8, Vec<&[u8]>)> {
    let mut pages = Vec::new();
    while file.len() > 27 {
        let (lacing, mut rest) = file[27..].split_at(usize::from(file[26]));
        let (mut packets, mut length) = (Vec::new(), 0);
        for part in lacing {
            length += usize::from(*part);
            if *part < 255 {
                let (packet, behind) = rest.split_at(length);
                packets.push(packet);
                (rest, length) = (behind, 0);
            }
        }
        pages.push((file[5], packets));
        file = rest;
    }
    pages
}

fn last_flags(file: &[u8]) -> u8 {
    pages(file).last().map_or(0, |(flags, _)| *flags)
}

// spec: CALL-9
#[tokio::test]
async fn a_recorded_call_sounds_when_its_transcript_says() {
    let at = Invited::consented_to(true).await;
    let (path, transcript) = held(&at).await;
    let sides = heard(&at, &path).await;
    let segments = transcript.json()["segments"].clone();
    for (speaker, side) in [("candidate", 0), ("emma", 1)] {
        let sounds = |(left, right): &(f32, f32)| [*left, *right][side] > 0.1;
        let begins = sides.iter().position(sounds).expect("it sounds") as u64 * 20;
        let first = segments
            .as_array()
            .expect("valid")
            .iter()
            .find(|s| s["speaker"] == speaker)
            .expect("a segment");
        let said = first["start_ms"].as_u64().expect("valid");
        // An onset is known after 96 ms, and on a machine that is busy otherwise audio waits a little.
        assert!(
            begins.abs_diff(said) <= 300,
            "{speaker} sounds at {begins} ms and speaks at {said} ms"
        );
    }
    let both = sides.iter().filter(|(left, right)| *left > 0.1 && *right > 0.1).count();
    assert!(both < 10, "each side has its own channel: {both}");
    let stranger = at.app.anyone(Method::GET, &path, None).await;
    stranger.is_problem(401, "unauthorized");
}

// spec: CALL-9
// spec: CALL-5
#[tokio::test]
async fn withdrawn_consent_deletes_the_recording() {
    let at = Invited::consented_to(true).await;
    let (path, _) = held(&at).await;
    heard(&at, &path).await;
    let consent = format!("/api/v1/interviews/{}/consent", at.token);
    let withdrawn = at.app.anyone(Method::DELETE, &consent, None).await;
    assert!(withdrawn.status.is_success(), "{}", withdrawn.text);
    at.app.get(&path).await.is_problem(404, "recording-not-found");
    let left = std::fs::read_dir(at.app.base.recordings()).expect("valid").count();
    assert_eq!(left, 0, "no file is left");
}

// spec: CALL-9
#[tokio::test]
async fn a_candidate_who_did_not_agree_is_not_recorded() {
    let at = Invited::consented_to(false).await;
    let (path, _) = held(&at).await;
    at.app.get(&path).await.is_problem(404, "recording-not-found");
    assert!(!at.app.base.recordings().exists());
}
