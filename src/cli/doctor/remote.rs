//! The remote speech services that the configuration names: whether they answer and take our keys.

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Check, TIMEOUT, fail, ok, warn};
use crate::config::Speech;

/// One check for each service that is asked; none where all is done on this machine.
pub(super) async fn remote_speech(speech: &Speech) -> Vec<Check> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(client) = Client::builder().timeout(TIMEOUT).build() else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    if speech.uses_elevenlabs() {
        let settings = &speech.elevenlabs;
        let request = client.get(address(&settings.base_url, "/v1/models"));
        let request = match &settings.api_key {
            Some(key) => request.header("xi-api-key", key.expose_secret()),
            None => request,
        };
        checks.push(ask("elevenlabs", &settings.base_url, request, "ELEVENLABS_API_KEY").await);
    }
    if speech.uses_openai() {
        let settings = &speech.openai;
        let request = with_bearer(
            client.get(address(&settings.base_url, "/models")),
            settings.api_key.as_ref(),
        );
        checks.push(ask("openai", &settings.base_url, request, "OPENAI_API_KEY").await);
    }
    checks
}

fn address(base_url: &str, path: &str) -> String {
    format!("{}{path}", base_url.trim_end_matches('/'))
}

fn with_bearer(request: RequestBuilder, key: Option<&SecretString>) -> RequestBuilder {
    match key {
        Some(key) => request.bearer_auth(key.expose_secret()),
        None => request,
    }
}

async fn ask(name: &'static str, base_url: &str, request: RequestBuilder, key: &str) -> Check {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let why = if error.is_timeout() {
                "does not answer in time"
            } else {
                "cannot be reached"
            };
            let advice = "check the network and the address; calls go on with the embedded models";
            return fail(name, format!("{base_url} {why}"), advice);
        }
    };
    match answer.status() {
        status if status.is_success() => ok(name, format!("{base_url} answers and takes the key")),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            // A key may be good for speech only and not for listing models.
            let narrow = answer
                .text()
                .await
                .is_ok_and(|body| body.contains("missing_permissions"));
            if narrow {
                ok(
                    name,
                    format!("{base_url} answers; the key may not list models, which is not needed"),
                )
            } else {
                fail(
                    name,
                    format!("{base_url} refuses the key ({})", status.as_u16()),
                    format!("set {key}"),
                )
            }
        }
        StatusCode::TOO_MANY_REQUESTS => warn(
            name,
            format!("{base_url} answers, but has had enough of this key for now"),
            "check the limits of the account",
        ),
        status => warn(
            name,
            format!("{base_url} answers {} when asked for its models", status.as_u16()),
            "not every server lists them; check the address if speech does not work",
        ),
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::super::State;
    use super::*;
    use crate::config::Config;
    use crate::config::speech::{Speaker, Transcriber};

    // spec: OPS-3
    #[tokio::test]
    async fn a_service_that_is_asked_is_checked_with_its_key_and_no_other() {
        let mut speech = Config::default().speech;
        assert!(remote_speech(&speech).await.is_empty());
        let server = MockServer::start().await;
        let good = Mock::given(path("/v1/models")).and(header("xi-api-key", "good"));
        good.respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let narrow = Mock::given(path("/v1/models")).and(header("xi-api-key", "narrow"));
        let answer = ResponseTemplate::new(401).set_body_string(r#"{"detail":{"status":"missing_permissions"}}"#);
        narrow.respond_with(answer).mount(&server).await;
        let bad = Mock::given(path("/v1/models")).and(header("xi-api-key", "bad"));
        bad.respond_with(ResponseTemplate::new(401)).mount(&server).await;

        speech.stt = vec![Transcriber::Elevenlabs];
        speech.elevenlabs.base_url = server.uri();
        for (key, expected) in [("good", State::Ok), ("narrow", State::Ok), ("bad", State::Fail)] {
            speech.elevenlabs.api_key = Some(key.to_owned().into());
            let checks = remote_speech(&speech).await;
            assert_eq!(checks.len(), 1);
            assert_eq!(checks[0].state, expected, "{key}: {}", checks[0].found);
            assert!(!checks[0].found.contains(key), "keys are not printed");
        }
        speech.tts = vec![Speaker::Openai];
        speech.openai.base_url = "http://127.0.0.1:1/v1".to_owned();
        let checks = remote_speech(&speech).await;
        assert_eq!((checks.len(), checks[1].state), (2, State::Fail));
        assert!(checks[1].found.contains("cannot be reached"), "{}", checks[1].found);
    }
}
