//! Bad input against the whole service over real WebRTC on this machine: it is refused clearly or dropped quietly, and
//! somebody else's interview goes on undisturbed meanwhile.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use emma::router;
use emma::screening::calls::infrastructure::webrtc::{WebRtcAdapter, WebRtcConfig};
use emma::shared::media::peer::{Peer, PeerConfig, PeerMessage, PeerStreams};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{Answer, App, RECRUITER};
use crate::engines::{Pace, engines};
use crate::raw_peer::RawPeer;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Nothing here takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// What an attack may leave behind in memory: queues and a few connections.
const MEMORY: usize = 96 << 20;

static PANICS: AtomicUsize = AtomicUsize::new(0);

struct Server {
    app: App,
    gateway: Arc<WebRtcAdapter>,
    offer: String,
    memory: usize,
    panics: usize,
}

/// Somebody with a link who consented.
struct Guest {
    token: String,
    application: String,
}

impl Server {
    async fn start() -> Self {
        static HOOK: std::sync::Once = std::sync::Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // Those of tests are meant.
                if !panic.location().is_some_and(|at| at.file().starts_with("tests/")) {
                    PANICS.fetch_add(1, Ordering::SeqCst);
                }
                before(panic);
            }));
        });
        let gateway = Arc::new(WebRtcAdapter::new(WebRtcConfig {
            listen: vec![LOOPBACK],
            ..WebRtcConfig::default()
        }));
        let app = App::start_with(engines(Pace::Spoken), gateway.clone()).await;
        let offer = json!({ "title": "Engineer", "organization": {"name": "Acme"}, "requirements": ["Rust"] });
        let offer = app.post("/api/v1/job-offers", offer).await.json()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        Self {
            app,
            gateway,
            offer,
            memory: memory(),
            panics: PANICS.load(Ordering::SeqCst),
        }
    }

    async fn guest(&self, name: &str) -> Guest {
        self.app
            .post("/api/v1/candidates", json!({ "name": name, "username": name }))
            .await;
        let body = json!({ "username": name, "job_offer_id": self.offer });
        let application = self.app.post("/api/v1/applications", body).await.json()["application_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let path = format!("/api/v1/applications/{application}/invitations");
        let url = self.app.post(&path, json!({})).await.json()["url"]
            .as_str()
            .expect("a link")
            .to_owned();
        let token = url.rsplit('/').next().expect("a token").to_owned();
        let body = json!({ "version": "2026-11.1", "accepted": true });
        let path = format!("/api/v1/interviews/{token}/consent");
        assert_eq!(
            self.app.anyone(Method::POST, &path, Some(body)).await.json()["status"],
            "ready"
        );
        Guest { token, application }
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind);
        self.app.send(request.body(body.into()).expect("a request")).await
    }

    async fn offer(&self, guest: &Guest, query: &str, body: impl Into<Body>) -> Answer {
        let path = format!("/api/v1/interviews/{}/offer{query}", guest.token);
        self.send(Method::POST, &path, "application/sdp", body).await
    }

    async fn call(&self, guest: &Guest) -> Value {
        let path = format!("/api/v1/applications/{}/calls", guest.application);
        self.app.get(&path).await.json()["items"][0].clone()
    }

    /// Runs an attack while a witness talks, and looks at what is left of the server.
    async fn withstands(&self, attack: impl Future<Output = ()>) {
        let guest = self.guest("witness").await;
        let mut witness = Candidate::join(self, &guest).await;
        witness.is_listened_to().await;
        let during = async {
            witness.completes_a_turn().await;
        };
        tokio::join!(attack, during);
        witness.completes_a_turn().await;
        assert_eq!(self.call(&guest).await["status"], "in_progress");
        assert_eq!(self.app.get("/api/v1/health").await.status, StatusCode::OK);
        assert_eq!(PANICS.load(Ordering::SeqCst), self.panics, "nothing panicked");
        let grown = memory().saturating_sub(self.memory);
        assert!(grown < MEMORY, "{} MiB more", grown >> 20);
    }
}

/// Resident bytes of this process; 0 where that cannot be known.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0)
        * 4096
}

/// A candidate as a browser is one: a packet every 20 ms, words when asked to speak.
struct Candidate {
    peer: Arc<Peer>,
    streams: PeerStreams,
    /// Frames of speech still to be sent.
    loud: Arc<AtomicUsize>,
    location: String,
    _stop: DropGuard,
}

fn nearby() -> PeerConfig {
    PeerConfig {
        addresses: vec![LOOPBACK],
        ..PeerConfig::default()
    }
}

impl Candidate {
    async fn join(server: &Server, guest: &Guest) -> Self {
        Self::join_through(server, guest, async |answer| answer.to_owned()).await
    }

    /// `route` says what the candidate gets to see of the answer.
    async fn join_through(server: &Server, guest: &Guest, route: impl AsyncFnOnce(&str) -> String) -> Self {
        let (peer, streams, offer) = Peer::offer(nearby()).await.expect("an offer");
        let answer = server.offer(guest, "", offer).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        peer.accept_answer(&route(&answer.text).await).await.expect("an answer");
        let (peer, loud, stop) = (Arc::new(peer), Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (sender, left, stopped) = (peer.clone(), loud.clone(), stop.clone());
        tokio::spawn(async move {
            let mut clock = interval(Duration::from_millis(20));
            while !stopped.is_cancelled() {
                clock.tick().await;
                let speaks = left
                    .try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                    .is_ok();
                sender.send_audio(&std::array::from_fn(|i| {
                    if speaks {
                        ((i as f32 * 0.05).sin() * 14_000.0) as i16
                    } else {
                        0
                    }
                }));
            }
        });
        Self {
            peer,
            streams,
            loud,
            location: answer.header("location").to_owned(),
            _stop: stop.drop_guard(),
        }
    }

    /// The next message that fits.
    async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                if let PeerMessage::Text(text) = self.streams.messages.recv().await.expect("connected") {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if fits(&message) {
                        return message;
                    }
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn is_listened_to(&mut self) {
        self.until("listening", |m| m["type"] == "state" && m["state"] == "listening")
            .await;
    }

    /// Speaks half a second, is heard and answered.
    async fn completes_a_turn(&mut self) {
        self.loud.store(25, Ordering::SeqCst);
        self.until("a turn", |m| m["type"] == "turn").await;
        self.is_listened_to().await;
    }
}

/// A clear refusal: a problem with a 4xx status.
fn is_refused(answer: &Answer, what: &str) {
    assert!(
        answer.status.is_client_error(),
        "{what}: {} {}",
        answer.status,
        answer.text
    );
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let body = answer.json();
    assert!(
        body["title"].as_str().is_some_and(|title| !title.is_empty()),
        "{what}: {body}"
    );
}

// spec: OPS-5
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let guest = server.guest("attacker").await;
    let (_peer, _streams, good) = Peer::offer(nearby()).await.expect("an offer");
    let attack = async {
        let section = good.find("m=audio").expect("audio");
        let elsewhere = good[section + 1..].find("m=").map_or(good.len(), |at| section + 1 + at);
        let without_audio = format!("{}{}", &good[..section], &good[elsewhere..]);
        for (what, sdp) in [
            ("empty", String::new()),
            ("one line", "v=0".to_owned()),
            ("half", good[..section].to_owned()),
            ("no audio", without_audio),
            ("no Opus", good.replace("opus/48000", "PCMU/8000")),
            ("video only", good.replace("m=audio", "m=video")),
            (
                "a fingerprint of letters",
                good.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 ZZ"),
            ),
            ("a fingerprint of no known kind", good.replace("sha-256", "md5")),
            ("no password", good.replace("a=ice-pwd", "a=ice-nothing")),
            ("controls", good.replace("s=-", "s=\u{1b}[2J\u{0}")),
        ] {
            is_refused(&server.offer(&guest, "?resume=1", sdp).await, what);
        }
        is_refused(&server.offer(&guest, "", vec![0xff_u8; 4000]).await, "no text");
        let long = format!("{good}a={}\r\n", "x".repeat(80_000));
        server.offer(&guest, "", long).await.is_problem(413, "too-large");
        let path = format!("/api/v1/interviews/{}/offer", guest.token);
        for (what, kind, body) in [
            ("no kind", "text/plain", good.clone()),
            ("half JSON", "application/json", "{\"type\":\"offer\",".to_owned()),
            (
                "an answer",
                "application/json",
                json!({"type": "answer", "sdp": good}).to_string(),
            ),
            (
                "a number",
                "application/json",
                json!({"type": "offer", "sdp": 7}).to_string(),
            ),
            ("deep", "application/json", "[".repeat(60_000)),
        ] {
            is_refused(&server.send(Method::POST, &path, kind, body).await, what);
        }
        server
            .offer(&guest, "?resume=1&resume=1", good.clone())
            .await
            .is_problem(400, "bad-request");
        // What can be read is answered, whatever else is in it: thousands of addresses, a certificate that is nobody's.
        let many = "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n".repeat(1000);
        let answer = server.offer(&guest, "?resume=1", format!("{good}{many}")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let nobodys = good
            .split("a=fingerprint:sha-256 ")
            .nth(1)
            .and_then(|rest| rest.get(..95))
            .expect("bytes");
        let answer = server
            .offer(&guest, "?resume=1", good.replace(nobodys, &vec!["00"; 32].join(":")))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        // Cut anywhere, or changed anywhere: refused or answered, never broken.
        let mut random = SmallRng::seed_from_u64(7);
        for round in 0..150 {
            let mut bytes = good.clone().into_bytes();
            if round % 3 == 0 {
                bytes.truncate(random.random_range(0..bytes.len()));
            } else {
                for _ in 0..=round % 5 {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = random.random_range(32..127);
                }
            }
            let answer = server.offer(&guest, "?resume=1", bytes).await;
            if answer.status != StatusCode::CREATED {
                is_refused(&answer, "changed");
            }
        }
    };
    server.withstands(attack).await;
    // The call was never begun, and only the last connection and the witness's may be left.
    assert_eq!(server.call(&guest).await["status"], "ready");
    assert!(server.gateway.open_connections() <= 2);
}

// spec: APP-9
#[tokio::test(flavor = "multi_thread")]
async fn links_that_open_nothing_say_so_on_every_route() {
    let server = Server::start().await;
    let (_peer, _streams, offer) = Peer::offer(nearby()).await.expect("an offer");
    let revoked = server.guest("revoked").await;
    let path = format!("/api/v1/applications/{}", revoked.application);
    let link = server.app.get(&path).await.json()["invitations"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    server
        .app
        .recruiter(Method::DELETE, &format!("{path}/invitations/{link}"), None)
        .await;
    let used = server.guest("used").await;
    let call = server.call(&used).await["id"].as_str().expect("an id").to_owned();
    server
        .app
        .post(&format!("/api/v1/calls/{call}/cancel"), json!({}))
        .await;
    let expired = server.guest("expired").await;
    let connection = "conn_0190f7c2a5b17c3e8d4f5a6b7c8d9e0f";
    let check = async |token: &str, statuses: &[u16]| {
        let base = format!("/api/v1/interviews/{token}");
        let at = format!("{base}/connections/{connection}");
        let answers = [
            server
                .send(Method::POST, &format!("{base}/offer"), "application/sdp", offer.clone())
                .await,
            server
                .send(Method::PATCH, &at, "application/trickle-ice-sdpfrag", "")
                .await,
            server.send(Method::DELETE, &at, "text/plain", "").await,
        ];
        for answer in answers {
            is_refused(&answer, token);
            assert!(
                statuses.contains(&answer.status.as_u16()),
                "{token}: {} {}",
                answer.status,
                answer.text
            );
            assert!(!answer.text.contains(token), "the secret is not repeated");
        }
    };
    check(&revoked.token, &[410]).await;
    check(&used.token, &[410, 404]).await;
    let long = "x".repeat(6000);
    for token in [
        "nonsense-token",
        long.as_str(),
        "%00%ff%0a",
        "..%2f..%2fetc",
        "%F0%9F%92%A9-emma",
    ] {
        check(token, &[400, 404]).await;
    }
    server.app.base.clock.turn(TimeDelta::hours(101));
    check(&expired.token, &[410]).await;
    assert_eq!(server.gateway.open_connections(), 0);
}

// spec: OPS-5
#[tokio::test(flavor = "multi_thread")]
async fn no_route_takes_a_body_that_is_too_large_or_is_none() {
    let server = Server::start().await;
    let guest = server.guest("attacker").await;
    let call = server.call(&guest).await["id"].as_str().expect("an id").to_owned();
    let description = serde_json::to_value(router::openapi()).expect("JSON");
    let paths = description["paths"].as_object().expect("paths").clone();
    let (mut tried, mut too_large) = (0, 0);
    for (path, methods) in &paths {
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            let operation = &methods[method.as_str().to_lowercase()];
            if operation.is_null() {
                continue;
            }
            let path = path
                .replace("{token}", &guest.token)
                .replace("{connection}", "conn_0190f7c2a5b17c3e8d4f5a6b7c8d9e0f")
                .replace("{invitation}", "inv_0190f7c2a5b17c3e8d4f5a6b7c8d9e0f")
                .replace("/calls/{id}", &format!("/calls/{call}"))
                .replace("/job-offers/{id}", &format!("/job-offers/{}", server.offer))
                .replace("{id}", &guest.application);
            let body = &operation["requestBody"];
            let kinds = body["content"]
                .as_object()
                .map(|kinds| kinds.keys().cloned().collect::<Vec<_>>());
            for kind in kinds.unwrap_or_else(|| vec!["application/json".to_owned()]) {
                let kind = if kind == "multipart/form-data" {
                    format!("{kind}; boundary=XYZ")
                } else {
                    kind
                };
                let head = "--XYZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
                let junk = format!("{head}{}", "x".repeat(9 << 20)).into_bytes();
                // Once with its length said, once as a stream that does not say where it ends.
                let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
                    junk.chunks(1 << 16).map(|c| Ok(c.to_vec())).collect();
                let stream = Body::from_stream(futures::stream::iter(pieces));
                for (body, cut) in [
                    (Body::from(junk.clone()), false),
                    (stream, false),
                    (Body::from("{\"a\":"), true),
                ] {
                    let request = Request::builder()
                        .method(method.clone())
                        .uri(&path)
                        .header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"))
                        .header(header::CONTENT_TYPE, &kind)
                        .body(body)
                        .expect("a request");
                    let answer = server.app.send(request).await;
                    tried += 1;
                    too_large += usize::from(answer.status == StatusCode::PAYLOAD_TOO_LARGE);
                    // Some take no body at all, and do not look at it.
                    let ignores = operation["requestBody"].is_null() && answer.status.is_success();
                    if !ignores {
                        is_refused(&answer, &format!("{method} {path} {kind} cut: {cut}"));
                    }
                }
            }
        }
    }
    assert!(tried > 30 && too_large > 15, "{tried} tried, {too_large} too large");
    let grown = memory().saturating_sub(server.memory);
    assert!(grown < MEMORY, "{} MiB more", grown >> 20);
}

/// Stands between a candidate and the server, and adds what no candidate sends.
struct Relay {
    address: SocketAddr,
    /// Passes on what comes, and nothing else, until it is set.
    armed: Arc<AtomicBool>,
    _stop: DropGuard,
}

impl Relay {
    async fn start(server: SocketAddr) -> Self {
        let inside = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
        let outside = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
        let address = inside.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let armed = Arc::new(AtomicBool::new(false));
        let attacks = armed.clone();
        tokio::spawn(async move {
            let mut random = SmallRng::seed_from_u64(11);
            let mut candidate = None;
            let mut kept: Vec<Vec<u8>> = Vec::new();
            let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    Ok((length, from)) = inside.recv_from(&mut up) => {
                        candidate = Some(from);
                        let packet = &up[..length];
                        let extra = extras(packet, &mut kept, &mut random);
                        for extra in extra.into_iter().filter(|_| attacks.load(Ordering::SeqCst)) {
                            outside.send_to(&extra, server).await.ok();
                        }
                        outside.send_to(packet, server).await.ok();
                    }
                    Ok((length, _)) = outside.recv_from(&mut down) => {
                        if let Some(candidate) = candidate {
                            inside.send_to(&down[..length], candidate).await.ok();
                        }
                    }
                }
            }
        });
        Self {
            address,
            armed,
            _stop: stop.drop_guard(),
        }
    }
}

/// Packets from before, damaged copies, and noise that looks like STUN, DTLS, RTP, RTCP or nothing.
fn extras(packet: &[u8], kept: &mut Vec<Vec<u8>>, random: &mut SmallRng) -> Vec<Vec<u8>> {
    kept.push(packet.to_vec());
    if kept.len() > 200 {
        kept.swap_remove(random.random_range(0..200));
    }
    let mut damaged = packet.to_vec();
    if !damaged.is_empty() {
        let at = random.random_range(0..damaged.len());
        damaged[at] ^= 1 << random.random_range(0..8);
    }
    let cut = packet[..random.random_range(0..=packet.len())].to_vec();
    let length = if random.random_bool(0.02) {
        60_000
    } else {
        random.random_range(0..400)
    };
    let mut noise: Vec<u8> = (0..length).map(|_| random.random()).collect();
    if let Some(first) = noise.first_mut() {
        *first = [0, 20, 22, 23, 128, 129, 144, 191, 255][random.random_range(0..9)];
    }
    let replayed = kept[random.random_range(0..kept.len())].clone();
    vec![damaged, cut, noise, replayed, packet.to_vec()]
}

fn media_address(answer: &str) -> SocketAddr {
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("a=candidate:"))
        .expect("a candidate");
    let fields: Vec<&str> = line.split(' ').collect();
    format!("{}:{}", fields[4], fields[5]).parse().expect("an address")
}

// spec: CALL-3
#[tokio::test(flavor = "multi_thread")]
async fn replayed_damaged_and_made_up_packets_disturb_not_even_the_call_they_hit() {
    let server = Server::start().await;
    let guest = server.guest("attacked").await;
    let attack = async {
        let mut relays = Vec::new();
        let mut candidate = Candidate::join_through(&server, &guest, async |answer| {
            let address = media_address(answer);
            // Before anything is agreed on.
            let stranger = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
            let mut random = SmallRng::seed_from_u64(3);
            for length in (0..600).chain([1500, 9000, 60_000]) {
                let mut packet: Vec<u8> = (0..length).map(|_| random.random()).collect();
                if let Some(first) = packet.first_mut() {
                    *first = [0, 1, 22, 128, 200][length % 5];
                }
                stranger.send_to(&packet, address).await.ok();
            }
            let relay = Relay::start(address).await;
            let kept = answer.lines().map(|line| match line.strip_prefix("a=candidate:") {
                Some(_) => line.replace(
                    &format!(" {} typ", address.port()),
                    &format!(" {} typ", relay.address.port()),
                ),
                None => line.to_owned(),
            });
            let answer = kept.collect::<Vec<_>>().join("\r\n") + "\r\n";
            relays.push(relay);
            answer
        })
        .await;
        candidate.is_listened_to().await;
        relays[0].armed.store(true, Ordering::SeqCst);
        candidate.completes_a_turn().await;
        candidate.completes_a_turn().await;
    };
    server.withstands(attack).await;
    assert_eq!(server.call(&guest).await["status"], "in_progress");
}

// spec: CALL-3
#[tokio::test(flavor = "multi_thread")]
async fn encrypted_rubbish_is_dropped() {
    let server = Server::start().await;
    let guest = server.guest("attacker").await;
    let attack = async {
        let mut peer = RawPeer::join(async |offer| server.offer(&guest, "", offer).await.text).await;
        let mut random = SmallRng::seed_from_u64(5);
        for round in 0..3000_u32 {
            let length = match round % 7 {
                0 => 0,
                1 => 1,
                2 => 1100,
                3 if round % 500 == 3 => 60_000,
                _ => random.random_range(0..300),
            };
            let payload: Vec<u8> = (0..length).map(|_| random.random()).collect();
            let mut header = peer.header();
            header.sequence_number = random.random();
            header.timestamp = random.random();
            if round % 3 == 0 {
                header.ssrc = random.random();
            }
            if round % 5 == 0 {
                header.payload_type = random.random_range(0..128);
            }
            peer.send(header, payload).await;
        }
        // It is still a call.
        peer.say(&json!({"type": "ping"}).to_string()).await;
        peer.until("a pong", |m| m["type"] == "pong").await;
    };
    server.withstands(attack).await;
}

// spec: CALL-11
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_messages_is_bounded() {
    let server = Server::start().await;
    let guest = server.guest("attacker").await;
    let attack = async {
        let mut peer = RawPeer::join(async |offer| server.offer(&guest, "", offer).await.text).await;
        peer.until("anything", |_| true).await;
        let deep = "[".repeat(15_000);
        let nested = format!("{}1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
        for message in [
            "",
            "null",
            "{]",
            "\u{0}",
            "{\"type\":7}",
            "{\"type\":\"text\"}",
            &deep,
            &nested,
        ] {
            peer.say(message).await;
        }
        peer.say_bytes(&[0xff; 5000]).await;
        peer.say(&"x".repeat(20_000)).await;
        peer.until("too long", |m| m["code"] == "message_too_long").await;
        // A megabyte: the stack may refuse to send it, the server to take it.
        peer.say(&"y".repeat(1 << 20)).await;
        for number in 0..10_000 {
            peer.say(&json!({"type": "text", "text": format!("message {number}")}).to_string())
                .await;
        }
        peer.until("too many", |m| m["code"] == "too_many_messages").await;
    };
    server.withstands(attack).await;
}

// spec: CONV-5
#[tokio::test(flavor = "multi_thread")]
async fn a_microphone_that_sends_nothing_leaves_a_call_that_can_be_typed_in() {
    let server = Server::start().await;
    for (name, silence) in [("none", None), ("dtx", Some(false)), ("digital", Some(true))] {
        let guest = server.guest(name).await;
        let attack = async {
            let mut peer = RawPeer::join(async |offer| server.offer(&guest, "", offer).await.text).await;
            let listening = |m: &Value| m["type"] == "state" && m["state"] == "listening";
            match silence {
                None => drop(peer.until("listening", listening).await),
                Some(whole) => peer.until_in_silence("listening", whole, listening).await,
            }
            peer.say(&json!({"type": "text", "text": "I am ready."}).to_string())
                .await;
            peer.until("heard", |m| m["type"] == "caption" && m["text"] == "I am ready.")
                .await;
            peer.until("answered", |m| m["type"] == "turn").await;
        };
        timeout(PATIENCE, attack)
            .await
            .unwrap_or_else(|_| panic!("{name} was not answered"));
        assert_eq!(server.call(&guest).await["status"], "in_progress", "{name}");
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), server.panics);
}

// spec: CALL-1
#[tokio::test(flavor = "multi_thread")]
async fn nobody_hangs_up_or_trickles_for_somebody_else() {
    let server = Server::start().await;
    let (mine, theirs) = (server.guest("attacker").await, server.guest("victim").await);
    let mut victim = Candidate::join(&server, &theirs).await;
    victim.is_listened_to().await;
    let attacker = Candidate::join(&server, &mine).await;
    let connection = |location: &str| location.rsplit('/').next().expect("an id").to_owned();
    let foreign = format!(
        "/api/v1/interviews/{}/connections/{}",
        mine.token,
        connection(&victim.location)
    );
    let attack = async {
        let kind = "application/trickle-ice-sdpfrag";
        let candidate = "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n";
        server
            .send(Method::PATCH, &foreign, kind, candidate)
            .await
            .is_problem(404, "connection-not-found");
        server
            .send(Method::DELETE, &foreign, "", "")
            .await
            .is_problem(404, "connection-not-found");
        let own = &attacker.location;
        for body in [
            candidate.repeat(65),
            "a=candidate:nonsense\r\n".to_owned(),
            candidate.replace("192.0.2.9", "nowhere"),
        ] {
            is_refused(&server.send(Method::PATCH, own, kind, body).await, "a candidate");
        }
        let deep = format!("{{\"candidates\":{}", "[".repeat(10_000));
        is_refused(&server.send(Method::PATCH, own, "application/json", deep).await, "deep");
        let mut taken = 0;
        for number in 0..300 {
            let one = candidate.replace(" 9 typ", &format!(" {} typ", 1000 + number));
            let answer = server.send(Method::PATCH, own, kind, one).await;
            if answer.status == StatusCode::NO_CONTENT {
                taken += 1;
            } else {
                is_refused(&answer, "a flood");
            }
        }
        assert!((1..=40).contains(&taken), "{taken} candidates were taken");
    };
    server.withstands(attack).await;
    victim.completes_a_turn().await;
    assert_eq!(server.call(&theirs).await["status"], "in_progress");
    assert_eq!(
        server.call(&mine).await["status"],
        "in_progress",
        "nothing was ended by it"
    );

    let gone = server.send(Method::DELETE, &victim.location, "", "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    victim.until("the end", |m| m["type"] == "ended").await;
    victim.peer.close().await;
    drop(attacker);
}

// spec: CALL-2
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_offers_at_once_one_is_taken() {
    let server = Server::start().await;
    let guest = server.guest("attacker").await;
    let (_peer, _streams, offer) = Peer::offer(nearby()).await.expect("an offer");
    let attack = async {
        let all = futures::future::join_all((0..50).map(|_| server.offer(&guest, "", offer.clone()))).await;
        let taken = all.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        assert_eq!(taken, 1);
        for answer in all.iter().filter(|answer| answer.status != StatusCode::CREATED) {
            answer.is_problem(409, "call-already-live");
        }
        // Each of these replaces the one before.
        let all = futures::future::join_all((0..50).map(|_| server.offer(&guest, "?resume=1", offer.clone()))).await;
        for answer in &all {
            match answer.status {
                StatusCode::CREATED => {}
                StatusCode::SERVICE_UNAVAILABLE => assert!(!answer.header("retry-after").is_empty()),
                other => panic!("{other} {}", answer.text),
            }
        }
        let settled = async {
            while server.gateway.open_connections() > 2 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, settled)
            .await
            .expect("one connection is left, and the witness's");
    };
    server.withstands(attack).await;
}
