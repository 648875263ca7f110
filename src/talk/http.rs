//! The interview's HTTP side: what the link opens, consent, and the WebRTC signalling.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde_json::json;

use crate::talk::{RATE_HZ, trickle};

const TIMEOUT: Duration = Duration::from_secs(15);
const SDP: &str = "application/sdp";

/// Why the interview could not be opened or joined.
#[derive(Debug, thiserror::Error)]
pub enum InterviewError {
    #[error("{0:?} is no invitation link (expected http://host:port/i/TOKEN)")]
    NotALink(String),
    #[error("cannot reach {url}: {problem}")]
    Unreachable { url: String, problem: String },
    /// The server said no.
    #[error("{action} was refused: {status} {reason}")]
    Refused {
        action: &'static str,
        status: u16,
        reason: String,
    },
    #[error("{action}: the server's answer makes no sense ({problem})")]
    Senseless { action: &'static str, problem: String },
    #[error("this interview is over (status {0})")]
    Over(String),
}

/// An interview behind a link. After consent it goes on with the personal token.
#[derive(Debug, Clone)]
pub struct Interview {
    client: Client,
    base: Url,
    token: String,
}

/// What a link opens.
#[derive(Debug, Clone, Deserialize)]
pub struct Description {
    /// `personal`, or `open` to many.
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub end_reason: Option<String>,
    pub consent: ConsentText,
    #[serde(default)]
    pub recording: bool,
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
}

/// What is consented to.
#[derive(Debug, Clone, Deserialize)]
pub struct ConsentText {
    pub version: String,
}

/// A STUN or TURN server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IceServer {
    pub urls: Urls,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub credential: String,
}

/// One address or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Urls {
    One(String),
    Many(Vec<String>),
}

impl Urls {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(url) => vec![url],
            Self::Many(urls) => urls,
        }
    }
}

/// The server's side of the connection.
#[derive(Debug, Clone)]
pub struct Connection {
    pub answer_sdp: String,
    location: Option<Url>,
}

#[derive(Deserialize)]
struct Consented {
    token: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
}

impl Interview {
    /// Reads the link.
    ///
    /// # Errors
    /// When it is none, or no HTTP client can be made.
    pub fn open(link: &str) -> Result<Self, InterviewError> {
        let (base, token) = split_link(link).ok_or_else(|| InterviewError::NotALink(link.to_owned()))?;
        let unreachable = |e: reqwest::Error| InterviewError::Unreachable {
            url: base.to_string(),
            problem: chain(&e),
        };
        let client = Client::builder().timeout(TIMEOUT).build().map_err(unreachable)?;
        Ok(Self { client, base, token })
    }

    /// Whether the server is on this machine.
    pub fn is_local(&self) -> bool {
        match self.base.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            None => false,
        }
    }

    /// What the link opens.
    pub async fn describe(&self) -> Result<Description, InterviewError> {
        let action = "opening the link";
        let response = self.send(action, self.request(Method::GET, &[])).await?;
        json_of(action, response).await
    }

    /// Accepts what `description` asks and goes on as the person the server now knows.
    pub async fn consent(&mut self, description: &Description) -> Result<(), InterviewError> {
        // Through an open link every consent makes a new person, whatever became of the one before.
        if description.kind != "open" && matches!(description.status.as_str(), "finished" | "declined") {
            return Err(InterviewError::Over(description.status.clone()));
        }
        let action = "consent";
        let body =
            json!({"version": description.consent.version, "accepted": true, "recording": description.recording});
        let request = self.request(Method::POST, &["consent"]).json(&body);
        let consented: Consented = json_of(action, self.send(action, request).await?).await?;
        self.token = consented.token;
        Ok(())
    }

    /// Offers a connection.
    pub async fn offer(&self, sdp: String) -> Result<Connection, InterviewError> {
        self.exchange(self.request(Method::POST, &["offer"]), sdp).await
    }

    /// Offers another connection for the call that goes on.
    pub async fn resume(&self, sdp: String) -> Result<Connection, InterviewError> {
        let mut url = self.address(&["offer"]);
        url.set_query(Some("resume=1"));
        self.exchange(self.client.post(url), sdp).await
    }

    async fn exchange(&self, request: RequestBuilder, sdp: String) -> Result<Connection, InterviewError> {
        let action = "the connection";
        let request = request.header(CONTENT_TYPE, SDP).body(sdp);
        let response = self.send(action, request).await?;
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| self.base.join(value).ok());
        let answer_sdp = response.text().await.map_err(|e| senseless(action, &e))?;
        if !answer_sdp.trim_start().starts_with("v=0") {
            return Err(InterviewError::Senseless {
                action,
                problem: "no SDP".to_owned(),
            });
        }
        Ok(Connection { answer_sdp, location })
    }

    /// Hands over candidates found after the offer.
    pub async fn trickle(&self, connection: &Connection, fragment: String) -> Result<(), InterviewError> {
        let Some(location) = &connection.location else {
            return Ok(());
        };
        let request = self
            .client
            .patch(location.clone())
            .header(CONTENT_TYPE, trickle::MEDIA_TYPE)
            .body(fragment);
        self.send("a candidate", request).await.map(drop)
    }

    /// Hangs up.
    pub async fn hang_up(&self, connection: &Connection) -> Result<(), InterviewError> {
        let Some(location) = &connection.location else {
            return Ok(());
        };
        self.send("hanging up", self.client.delete(location.clone()))
            .await
            .map(drop)
    }

    /// Where the call is entered over a WebSocket, and what is said as authorization.
    pub fn socket(&self, resume: bool) -> (String, String) {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", "ws", "call"]);
        }
        url.query_pairs_mut()
            .extend_pairs([("rate", RATE_HZ.to_string()), ("out", RATE_HZ.to_string())]);
        if resume {
            url.query_pairs_mut().append_pair("resume", "1");
        }
        // "http" becomes "ws", "https" becomes "wss".
        (url.as_str().replacen("http", "ws", 1), format!("Bearer {}", self.token))
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["api", "v1", "interviews", &self.token])
                .extend(path);
        }
        url
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.client.request(method, self.address(path))
    }

    async fn send(&self, action: &'static str, request: RequestBuilder) -> Result<Response, InterviewError> {
        let response = request.send().await.map_err(|e| InterviewError::Unreachable {
            url: self.base.to_string(),
            problem: chain(&e.without_url()),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        Err(InterviewError::refused(action, status.as_u16(), &body))
    }
}

impl InterviewError {
    /// The server's refusal, from its problem.
    pub fn refused(action: &'static str, status: u16, body: &[u8]) -> Self {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let reason = match (problem.title.as_str(), problem.detail.as_str()) {
            ("", "") => reqwest::StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("without a reason")
                .to_owned(),
            (title, "") => title.to_owned(),
            ("", detail) => detail.to_owned(),
            (title, detail) => format!("{title} ({detail})"),
        };
        Self::Refused { action, status, reason }
    }
}

/// The server's address and the token of `http://host:port[/prefix]/i/TOKEN`.
fn split_link(link: &str) -> Option<(Url, String)> {
    let mut url = Url::parse(link)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let path = url.path().trim_end_matches('/').to_owned();
    let (prefix, token) = path.rsplit_once("/i/")?;
    if token.is_empty() || token.contains('/') {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!("{prefix}/"));
    Some((url, token.to_owned()))
}

async fn json_of<T: serde::de::DeserializeOwned>(
    action: &'static str,
    response: Response,
) -> Result<T, InterviewError> {
    let body = response.bytes().await.map_err(|e| senseless(action, &e))?;
    serde_json::from_slice(&body).map_err(|e| senseless(action, &e))
}

fn senseless(action: &'static str, problem: &dyn std::fmt::Display) -> InterviewError {
    InterviewError::Senseless {
        action,
        problem: problem.to_string(),
    }
}

/// An error with its causes: what reqwest itself says ("error sending request") names none.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_gives_the_server_and_the_token() {
        let check = |link: &str, base: &str, token: &str| {
            let (url, found) = split_link(link).expect(link);
            assert_eq!((url.as_str(), found.as_str()), (base, token));
        };
        check("http://127.0.0.1:8080/i/abc", "http://127.0.0.1:8080/", "abc");
        check(
            "https://jobs.example.org/emma/i/abc/?x=1#y",
            "https://jobs.example.org/emma/",
            "abc",
        );
        for link in ["", "abc", "http://h/", "http://h/i/", "ftp://h/i/a", "http://h/i/a/b"] {
            assert!(split_link(link).is_none(), "{link:?}");
        }
    }

    #[test]
    fn ice_servers_come_in_both_spellings() {
        let text = r#"{"consent":{"version":"1"},"ice_servers":[{"urls":"stun:a"},
            {"urls":["turn:b"],"username":"u","credential":"c"}]}"#;
        let description: Description = serde_json::from_str(text).expect("valid");
        let urls: Vec<_> = description
            .ice_servers
            .into_iter()
            .map(|server| server.urls.into_vec())
            .collect();
        assert_eq!(urls, [vec!["stun:a".to_owned()], vec!["turn:b".to_owned()]]);
    }
}
