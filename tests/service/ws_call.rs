//! A whole call over a WebSocket, and one candidate in a call whatever they connect over.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use emma::screening::calls::application::session::Engines;
use emma::screening::calls::domain::ports::{
    Accepted, IceCandidate, MediaError, MediaEvent, MediaGateway, MediaLink, MediaSink, SdpOffer,
};
use emma::screening::shared::ids::ConnectionId;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::app::{Answer, App};
use crate::engines::{ANSWER, Pace, engines};

/// Nothing here takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An application whose candidate has a link and has consented, on a server that listens.
pub struct Invited {
    pub app: App,
    address: SocketAddr,
    application: String,
    pub token: String,
    gateway: Arc<FakeGateway>,
}

impl Invited {
    async fn new() -> Self {
        Self::to(engines(Pace::Spoken)).await
    }

    async fn to(engines: Engines) -> Self {
        let gateway = Arc::new(FakeGateway::default());
        let app = App::start_with(engines, gateway.clone()).await;
        let offer = json!({ "title": "Engineer", "organization": {"name": "Acme"}, "requirements": ["Rust"] });
        let offer = app.post("/api/v1/job-offers", offer).await.json()["id"].clone();
        app.post("/api/v1/candidates", json!({ "name": "Ana", "username": "ana" }))
            .await;
        let body = json!({ "username": "ana", "job_offer_id": offer });
        let application = app.post("/api/v1/applications", body).await.json()["application_id"]
            .as_str()
            .expect("valid")
            .to_owned();
        let path = format!("/api/v1/applications/{application}/invitations");
        let link = app.post(&path, json!({})).await;
        let url = link.json()["url"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", link.text))
            .to_owned();
        let token = url.rsplit('/').next().expect("valid").to_owned();
        let address = app.serve().await;
        Self {
            app,
            address,
            application,
            token,
            gateway,
        }
    }

    pub async fn consented() -> Self {
        Self::consented_to(false).await
    }

    /// `recording` says whether the candidate agrees to that too.
    pub async fn consented_to(recording: bool) -> Self {
        Self::new().await.consent(recording).await
    }

    /// A candidate who is talked with by these engines.
    pub async fn with(engines: Engines) -> Self {
        Self::to(engines).await.consent(false).await
    }

    async fn consent(self, recording: bool) -> Self {
        let invited = self;
        let body = json!({ "version": "2026-11.1", "accepted": true, "recording": recording });
        let path = format!("/api/v1/interviews/{}/consent", invited.token);
        let answer = invited.app.anyone(Method::POST, &path, Some(body)).await;
        assert_eq!(answer.json()["status"], "ready", "{}", answer.text);
        invited
    }

    /// As a browser does it: the token is a subprotocol.
    async fn connect(&self, query: &str, token: &str) -> Result<Client, Error> {
        let url = format!("ws://{}/api/v1/ws/call?{query}", self.address);
        let mut request = url.into_client_request().expect("valid");
        let protocols = format!("emma.call.v1, emma.token.{token}");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocols.parse().expect("valid"));
        let (socket, response) = connect_async(request).await?;
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            "emma.call.v1",
            "the token is not repeated"
        );
        Ok(Client { socket, audio: 0 })
    }

    /// The link the candidate got.
    pub fn link(&self) -> String {
        format!("http://{}/i/{}", self.address, self.token)
    }

    pub async fn join(&self, query: &str) -> Client {
        let query = format!("application_id={}{query}", self.application);
        self.connect(&query, &self.token).await.expect("a connection")
    }

    /// The status a handshake is refused with.
    async fn refusal(&self, query: &str, token: &str) -> u16 {
        match self.connect(query, token).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
            Ok(_) => 101,
        }
    }

    async fn offer(&self) -> Answer {
        let uri = format!("/api/v1/interviews/{}/offer", self.token);
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(header::CONTENT_TYPE, "application/sdp");
        self.app.send(request.body(Body::from("v=0")).expect("valid")).await
    }

    pub async fn call(&self) -> Value {
        let path = format!("/api/v1/applications/{}/calls", self.application);
        self.app.get(&path).await.json()["items"][0].clone()
    }
}

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Samples that came.
    audio: usize,
}

impl Client {
    /// The next message that is accepted; audio is counted on the way.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                match self.socket.next().await.expect("open").expect("no error") {
                    Message::Binary(bytes) => self.audio += bytes.len() / 2,
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).expect("json");
                        if wanted(&message) {
                            return message;
                        }
                    }
                    Message::Close(frame) => panic!("closed: {frame:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it comes")
    }

    pub async fn control(&mut self, event: &str) {
        self.until(|m| m["type"] == "control" && m["event"] == event).await;
    }

    pub async fn close_code(&mut self) -> u16 {
        let waiting = async {
            loop {
                if let Message::Close(frame) = self.socket.next().await.expect("a goodbye").expect("no error") {
                    return frame.expect("a code").code.into();
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it closes")
    }

    pub async fn send(&mut self, message: &Value) {
        self.socket
            .send(Message::text(message.to_string()))
            .await
            .expect("sent");
    }

    /// Half a second of speech and a pause after it, in both forms audio may have.
    pub async fn speak(&mut self, rate: usize) {
        let bytes = |ms: usize, level: i16| -> Vec<u8> {
            let samples = (0..rate * ms / 1000).map(|i| if i / 20 % 2 == 0 { level } else { -level });
            samples.flat_map(i16::to_le_bytes).collect()
        };
        self.socket
            .send(Message::binary(bytes(300, 12_000)))
            .await
            .expect("sent");
        let payload = STANDARD.encode(bytes(300, 12_000));
        self.send(&json!({"type": "audio", "payload": payload})).await;
        self.socket.send(Message::binary(bytes(600, 0))).await.expect("sent");
    }
}

/// Connections that a test holds the other end of.
#[derive(Default)]
struct FakeGateway {
    links: Mutex<Vec<mpsc::Sender<MediaEvent>>>,
}

struct NoSink;

#[async_trait]
impl MediaSink for NoSink {
    fn send_audio(&self, _: &[i16; 960]) {}
    fn send_message(&self, _: String) {}
    async fn close(&self) {}
}

#[async_trait]
impl MediaGateway for FakeGateway {
    fn check(&self, _: &SdpOffer) -> Result<(), MediaError> {
        Ok(())
    }

    async fn accept(&self, _: SdpOffer) -> Result<Accepted, MediaError> {
        let (sender, events) = mpsc::channel(8);
        sender.try_send(MediaEvent::Connected).expect("room");
        self.links.lock().expect("unpoisoned").push(sender);
        Ok(Accepted {
            connection: ConnectionId::generate(),
            answer: "v=0".to_owned(),
            link: MediaLink {
                events,
                sink: Arc::new(NoSink),
            },
        })
    }

    async fn add_candidates(&self, _: &ConnectionId, _: Vec<IceCandidate>) -> Result<(), MediaError> {
        Ok(())
    }

    async fn close(&self, _: &ConnectionId) {}
}

// spec: CALL-2
#[tokio::test]
async fn an_interview_is_held_over_a_websocket() {
    for rate in [16_000, 44_100] {
        let at = Invited::consented().await;
        let mut client = at.join(&format!("&rate={rate}&out=16000")).await;
        client.control("emma_speaking").await;
        client.until(|m| m["type"] == "caption" && m["speaker"] == "emma").await;
        client.control("listening").await;
        assert!(client.audio > 16_000, "the greeting was heard: {}", client.audio);

        client.speak(rate).await;
        let said = client
            .until(|m| m["type"] == "caption" && m["speaker"] == "candidate")
            .await;
        assert_eq!(said["text"], ANSWER);
        client.control("emma_speaking").await;

        client.send(&json!({"type": "end"})).await;
        client.control("call_ended").await;
        assert_eq!(client.close_code().await, 1000);
        let call = at.call().await;
        assert_eq!(call["end_reason"], "candidate_ended");
        let path = format!("/api/v1/calls/{}/transcript", call["id"].as_str().expect("text"));
        let transcript = at.app.get(&path).await;
        assert!(transcript.text.contains(ANSWER), "{}", transcript.text);
    }
}

// spec: CALL-2
#[tokio::test]
async fn a_second_connection_is_turned_away_and_the_live_call_is_not_disturbed() {
    let at = Invited::consented().await;
    let mut first = at.join("").await;
    first.control("emma_speaking").await;
    for _ in 0..2 {
        assert_eq!(at.join("").await.close_code().await, 4409);
    }
    at.offer().await.is_problem(409, "call-already-live");
    assert!(
        at.gateway.links.lock().expect("unpoisoned").is_empty(),
        "no connection was made for it"
    );
    first.control("listening").await;
    first.speak(16_000).await;
    first
        .until(|m| m["type"] == "caption" && m["speaker"] == "candidate")
        .await;
    assert_eq!(at.call().await["status"], "in_progress");
}

// spec: CALL-2
#[tokio::test]
async fn a_call_over_webrtc_turns_away_a_second_connection_of_either_kind() {
    let at = Invited::consented().await;
    let first = at.offer().await;
    assert_eq!(first.status.as_u16(), 201, "{}", first.text);
    at.offer().await.is_problem(409, "call-already-live");
    assert_eq!(at.join("").await.close_code().await, 4409);
    let links = at.gateway.links.lock().expect("unpoisoned").clone();
    assert_eq!(links.len(), 1);
    assert!(!links[0].is_closed(), "the first one is held on to");
}

// spec: CALL-3
// spec: CALL-7
#[tokio::test]
async fn a_candidate_who_was_lost_comes_back_into_the_same_call() {
    let at = Invited::consented().await;
    let mut first = at.join("").await;
    first.control("listening").await;
    first.speak(16_000).await;
    first
        .until(|m| m["type"] == "caption" && m["speaker"] == "candidate" && m["final"] == true)
        .await;
    let call = at.call().await["id"].clone();
    drop(first);

    // As soon as the loss is noticed the seat is free.
    let mut again = loop {
        let mut again = at.join("").await;
        match again.socket.next().await.expect("open").expect("no error") {
            Message::Close(_) => {}
            _ => break again,
        }
    };
    again.until(|m| m["type"] == "caption" && m["text"] == ANSWER).await;
    again.control("emma_speaking").await;
    let now = at.call().await;
    assert_eq!((&now["id"], &now["status"]), (&call, &json!("in_progress")));

    // A page that was reloaded takes its own seat over.
    let mut reloaded = at.join("&resume=1").await;
    reloaded.until(|m| m["type"] == "caption" && m["text"] == ANSWER).await;
    assert_eq!(again.close_code().await, 1000);
}

// spec: CALL-2
// spec: CALL-5
#[tokio::test]
async fn only_the_link_of_a_candidate_who_consented_opens_it() {
    let at = Invited::new().await;
    let own = format!("application_id={}", at.application);
    assert_eq!(at.refusal(&own, &at.token).await, 403, "no consent yet");
    assert_eq!(at.refusal(&own, "").await, 401);
    assert_eq!(at.refusal(&own, "no-such-token").await, 404);
    let at = Invited::consented().await;
    assert_eq!(
        at.refusal("application_id=app_00000000000000000000000000000000", &at.token)
            .await,
        404
    );
    assert_eq!(at.refusal("rate=7", &at.token).await, 400);
    assert_eq!(at.refusal("out=12345678", &at.token).await, 400);
    let plain = at.app.anyone(Method::GET, "/api/v1/ws/call", None).await;
    plain.is_problem(400, "bad-request");
    assert_eq!(at.refusal("", &at.token).await, 101, "none of it took the seat");
}

// spec: CALL-2
#[tokio::test]
async fn a_client_that_floods_or_talks_nonsense_is_bounded() {
    let at = Invited::consented().await;
    let mut client = at.join("").await;
    client.send(&json!({"type": "audio", "payload": "%%%"})).await;
    client.until(|m| m["code"] == "bad_audio").await;
    client.send(&json!({"type": "text", "text": "x".repeat(20_000)})).await;
    client.until(|m| m["code"] == "message_too_long").await;
    for _ in 0..60 {
        client.send(&json!({"type": "ping"})).await;
    }
    client.until(|m| m["code"] == "too_many_messages").await;
    client.until(|m| m["type"] == "pong").await;

    let second = vec![0; 32_000];
    // It may be hung up on while it is still sending.
    for _ in 0..40 {
        if client.socket.send(Message::binary(second.clone())).await.is_err() {
            break;
        }
    }
    assert_eq!(client.close_code().await, 1008);
}
