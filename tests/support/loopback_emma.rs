//! An Emma without a mind: the interview's HTTP and WebRTC on the loopback address, a tone for a voice. She greets,
//! replies a fixed time after the candidate falls silent, and ends the call after some replies.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use emma::shared::media::codec::{DecodeRate, FRAME_48K};
use emma::shared::media::peer::{Peer, PeerConfig, PeerMessage, PeerState, PeerStreams};
use emma::shared::media::receiver::AudioReceiver;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How she behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Silence after which the candidate's turn is over.
    pub end_of_turn: Duration,
    /// From that decision to her voice.
    pub thinking: Duration,
    /// How long each of her sentences lasts.
    pub sentence: Duration,
    /// She ends the call after this many replies.
    pub replies: usize,
    /// Speaks up this long after the candidate began, once.
    pub cut_in: Option<Duration>,
    /// Loses the connection without a word in place of the first reply.
    pub vanish: bool,
    /// Sends this on the data channel after the greeting.
    pub rubbish: Option<&'static str>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            end_of_turn: Duration::from_millis(300),
            thinking: Duration::from_millis(200),
            sentence: Duration::from_millis(500),
            replies: 2,
            cut_in: None,
            vanish: false,
            rubbish: None,
        }
    }
}

/// What she saw of one call.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub typed: Vec<String>,
    pub fragments: Vec<String>,
    pub hung_up: bool,
    pub asked_to_end: bool,
    /// A connection was made again.
    pub resumed: bool,
}

#[derive(Clone)]
struct Shared {
    manner: Manner,
    stop: CancellationToken,
    /// By personal token.
    calls: Arc<Mutex<HashMap<String, Seen>>>,
    live: Arc<Mutex<HashMap<String, CancellationToken>>>,
}

/// A running server; it stops when dropped.
pub struct LoopbackEmma {
    address: SocketAddr,
    shared: Shared,
}

impl LoopbackEmma {
    pub async fn start(manner: Manner) -> Self {
        let shared = Shared {
            manner,
            stop: CancellationToken::new(),
            calls: Arc::default(),
            live: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new()
            .route("/api/v1/interviews/{token}", get(describe))
            .route("/api/v1/interviews/{token}/consent", post(consent))
            .route("/api/v1/interviews/{token}/offer", post(offer))
            .route(
                "/api/v1/interviews/{token}/connections/{id}",
                delete(hang_up).patch(trickle),
            )
            .with_state(shared.clone());
        let stop = shared.stop.clone();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        tokio::spawn(async move { serving.await.expect("serves") });
        Self { address, shared }
    }

    pub fn link(&self, token: &str) -> String {
        format!("http://{}/i/{token}", self.address)
    }

    /// All calls, in the order of their tokens.
    pub fn seen(&self) -> Vec<Seen> {
        let calls = self.shared.calls.lock().expect("lock");
        let mut tokens: Vec<_> = calls.iter().collect();
        tokens.sort_by_key(|(token, _)| token.as_str());
        tokens.into_iter().map(|(_, seen)| seen.clone()).collect()
    }
}

impl Drop for LoopbackEmma {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

fn problem(status: StatusCode, title: &str) -> Response {
    let body =
        json!({"type": "/problems/test", "title": title, "status": status.as_u16(), "detail": "Ask for a new one."});
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

async fn describe(Path(token): Path<String>) -> Response {
    match token.as_str() {
        "used" => problem(StatusCode::GONE, "This link was used already"),
        "garbage" => "<html>".into_response(),
        _ => Json(json!({
            "status": "waiting", "call_id": null, "end_reason": null, "job": {"title": "Engineer", "organization": "Acme"},
            "consent": {"version": "v7", "paragraphs": []}, "ice_servers": [], "recording": true
        }))
        .into_response(),
    }
}

async fn consent(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    if body["version"] != "v7" || body["accepted"] != true {
        return problem(StatusCode::CONFLICT, "Another version");
    }
    let mut calls = shared.calls.lock().expect("lock");
    let token = format!("personal-{}", calls.len());
    calls.insert(token.clone(), Seen::default());
    Json(json!({"status": "ready", "token": token})).into_response()
}

async fn offer(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    sdp: String,
) -> Response {
    match shared.calls.lock().expect("lock").get_mut(&token) {
        Some(seen) => seen.resumed |= query.as_deref() == Some("resume=1"),
        None => return problem(StatusCode::FORBIDDEN, "Consent first"),
    }
    let config = PeerConfig {
        addresses: vec![[127, 0, 0, 1].into()],
        ..PeerConfig::default()
    };
    let (peer, streams, answer) = Peer::answer(config, &sdp).await.expect("answers");
    let hung_up = CancellationToken::new();
    shared.live.lock().expect("lock").insert(token.clone(), hung_up.clone());
    let location = format!("/api/v1/interviews/{token}/connections/1");
    tokio::spawn(converse(shared, token, peer, streams, hung_up));
    (
        StatusCode::CREATED,
        [
            (header::CONTENT_TYPE, "application/sdp".to_owned()),
            (header::LOCATION, location),
        ],
        answer,
    )
        .into_response()
}

async fn trickle(State(shared): State<Shared>, Path((token, _)): Path<(String, String)>, body: String) -> StatusCode {
    if let Some(seen) = shared.calls.lock().expect("lock").get_mut(&token) {
        seen.fragments.push(body);
    }
    StatusCode::NO_CONTENT
}

async fn hang_up(State(shared): State<Shared>, Path((token, _)): Path<(String, String)>) -> StatusCode {
    if let Some(seen) = shared.calls.lock().expect("lock").get_mut(&token) {
        seen.hung_up = true;
    }
    if let Some(call) = shared.live.lock().expect("lock").get(&token) {
        call.cancel();
    }
    StatusCode::NO_CONTENT
}

/// Where the talk is; counts are frames of 20 ms.
enum Stage {
    Speaking { left: u32, last: bool },
    Listening { heard: u32, silent: u32 },
    Thinking { left: u32 },
}

struct Voice {
    peer: Peer,
    phase: f32,
}

impl Voice {
    fn say(&self, message: &Value) {
        self.peer.send_message(message.to_string());
    }

    fn caption(&self, id: usize, speaker: &str, text: &str) {
        self.say(
            &json!({"type": "caption", "id": format!("{speaker}-{id}"), "speaker": speaker, "text": text,
                        "final": true, "interrupted": false}),
        );
    }

    /// 20 ms of a 300 Hz tone, or of silence.
    fn sound(&mut self, audible: bool) {
        let frame: [i16; FRAME_48K] = std::array::from_fn(|_| {
            self.phase += 300.0 / 48_000.0 * std::f32::consts::TAU;
            if audible { (self.phase.sin() * 6000.0) as i16 } else { 0 }
        });
        self.peer.send_audio(&frame);
    }
}

fn frames(time: Duration) -> u32 {
    (time.as_millis() / 20) as u32
}

async fn converse(shared: Shared, token: String, peer: Peer, mut streams: PeerStreams, hung_up: CancellationToken) {
    let manner = shared.manner;
    if streams
        .state
        .wait_for(|state| *state == PeerState::Connected)
        .await
        .is_err()
    {
        return;
    }
    let mut voice = Voice { peer, phase: 0.0 };
    let mut ears = AudioReceiver::new(DecodeRate::Ears).expect("decoder");
    let mut clock = interval(Duration::from_millis(20));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut replies, mut cut_in) = (0, manner.cut_in);
    voice.say(&json!({"type": "state", "state": "speaking"}));
    voice.caption(0, "emma", "Hello.");
    let mut stage = Stage::Speaking {
        left: frames(manner.sentence),
        last: false,
    };
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            message = streams.messages.recv() => {
                let text = match message { Some(PeerMessage::Text(text)) => text, Some(_) => continue, None => return };
                let message: Value = serde_json::from_str(&text).expect("JSON");
                let mut calls = shared.calls.lock().expect("lock");
                let seen = calls.get_mut(&token).expect("the call");
                if message["type"] == "text" {
                    seen.typed.push(message["text"].as_str().unwrap_or_default().to_owned());
                    stage = Stage::Thinking { left: frames(manner.thinking) };
                } else if message["type"] == "end" {
                    seen.asked_to_end = true;
                    drop(calls);
                    voice.say(&json!({"type": "ended", "status": "abandoned", "end_reason": "candidate_ended"}));
                }
                continue;
            }
            () = hung_up.cancelled() => {
                voice.say(&json!({"type": "ended", "status": "abandoned", "end_reason": "candidate_ended"}));
                break;
            }
            () = shared.stop.cancelled() => return,
        }
        while let Ok(packet) = streams.audio.try_recv() {
            ears.push(&packet);
        }
        let mut pcm = [0.0; 320];
        ears.next_frame(&mut pcm);
        let loud = (pcm.iter().map(|s| s * s).sum::<f32>() / 320.0).sqrt() > 0.01;
        let mut audible = false;
        stage = match stage {
            Stage::Speaking { left: 0, last: true } => {
                voice.say(&json!({"type": "ended", "status": "completed", "end_reason": "agenda_completed"}));
                break;
            }
            Stage::Speaking { left: 0, last: false } => {
                voice.say(&json!({"type": "state", "state": "listening"}));
                if let Some(rubbish) = manner.rubbish {
                    voice.peer.send_message(rubbish.to_owned());
                }
                Stage::Listening { heard: 0, silent: 0 }
            }
            Stage::Speaking { left, last } => {
                audible = true;
                Stage::Speaking { left: left - 1, last }
            }
            Stage::Listening { heard, .. } if cut_in.is_some_and(|after| heard >= frames(after)) => {
                cut_in = None;
                Stage::Speaking {
                    left: frames(manner.sentence),
                    last: false,
                }
            }
            Stage::Listening { heard, silent } if heard > 0 && silent >= frames(manner.end_of_turn) => {
                voice.say(&json!({"type": "state", "state": "thinking"}));
                voice.caption(replies, "candidate", "A tone.");
                Stage::Thinking {
                    left: frames(manner.thinking),
                }
            }
            Stage::Listening { heard, .. } if loud => Stage::Listening {
                heard: heard + 1,
                silent: 0,
            },
            Stage::Listening { heard, silent } => Stage::Listening {
                heard,
                silent: silent + 1,
            },
            Stage::Thinking { .. } if manner.vanish => {
                voice.peer.close().await;
                return;
            }
            Stage::Thinking { left: 0 } => {
                replies += 1;
                voice.say(&json!({"type": "state", "state": "speaking"}));
                voice.caption(replies, "emma", "I see.");
                let (eot, thinking) = (
                    manner.end_of_turn.as_millis() as u64,
                    manner.thinking.as_millis() as u64,
                );
                voice.say(
                    &json!({"type": "turn", "turn": replies, "parts": {"end_of_turn_ms": eot, "transcription_ms": 0,
                    "reply_ms": thinking, "first_audio_ms": 0, "total_ms": eot + thinking}}),
                );
                Stage::Speaking {
                    left: frames(manner.sentence),
                    last: replies == manner.replies,
                }
            }
            Stage::Thinking { left } => Stage::Thinking { left: left - 1 },
        };
        voice.sound(audible);
    }
    // What is still queued leaves before the connection goes.
    for _ in 0..10 {
        clock.tick().await;
        voice.sound(false);
    }
    voice.peer.close().await;
}
