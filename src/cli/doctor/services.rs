//! Services outside this machine: whether they can be reached and take what they are given.

use reqwest::Url;

use super::{Check, TIMEOUT, fail, ok, warn};
use crate::bootstrap::outside::hosted_embedder;
use crate::config::{Embeddings, Torre};
use crate::shared::embeddings::{EmbedError, TextEmbedder as _, TextRole};
use crate::shared::upstream;

/// Torre is asked for nothing: it answers or it does not.
pub(super) async fn torre(config: &Torre) -> Check {
    let name = "torre";
    if config.base_url.is_empty() {
        return ok(
            name,
            "off: only candidates and job offers made here can be applied with",
        );
    }
    let advice = "applications with names of Torre are answered 503; TORRE_BASE_URL is its address, empty turns it off";
    let Ok(base) = Url::parse(&config.base_url) else {
        return fail(name, format!("{} is no address", config.base_url), advice);
    };
    let reached = match upstream::client(&base, "emma") {
        Ok(client) => client.head(base).timeout(TIMEOUT).send().await.is_ok(),
        Err(_) => false,
    };
    if reached {
        ok(name, format!("{} answers", config.base_url))
    } else {
        warn(name, format!("{} cannot be reached", config.base_url), advice)
    }
}

/// A hosted model is asked for one vector.
pub(super) async fn embeddings(config: &Embeddings) -> Check {
    let name = "embeddings";
    if config.is_local() {
        return ok(name, format!("{} on this machine", config.model));
    }
    let server = config.server();
    let asked = match hosted_embedder(config) {
        Ok(adapter) => adapter.embed(&["Hello".to_owned()], TextRole::Query).await,
        Err(error) => {
            return fail(
                name,
                format!("{error:#}"),
                "check EMBEDDING_BASE_URL and embeddings.dimension",
            );
        }
    };
    let Err(error) = asked else {
        return ok(name, format!("{} at {server}", config.model));
    };
    let advice = match error {
        EmbedError::Unauthorized => "set EMBEDDING_API_KEY to a key of this server",
        EmbedError::Rejected(_) => "check EMBEDDING_MODEL and EMBEDDING_BASE_URL",
        EmbedError::Malformed(_) => "set embeddings.dimension to the length of the model's vectors",
        EmbedError::Overloaded { .. } | EmbedError::TimedOut | EmbedError::Failed(_) => {
            "check EMBEDDING_BASE_URL and the network; EMBEDDING_MODEL=local needs neither"
        }
    };
    fail(name, format!("{} at {server}: {error}", config.model), advice)
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::cli::doctor::State;
    use crate::config::Config;

    async fn answering(answer: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        server
    }

    // spec: OPS-3
    #[tokio::test]
    async fn a_hosted_model_is_tried_and_its_problem_has_an_advice() {
        let vector = serde_json::json!({ "data": [{ "embedding": [1.0, 0.0] }] });
        let cases = [
            (ResponseTemplate::new(200).set_body_json(&vector), 2, State::Ok, ""),
            (
                ResponseTemplate::new(200).set_body_json(&vector),
                3,
                State::Fail,
                "dimension",
            ),
            (ResponseTemplate::new(401), 2, State::Fail, "EMBEDDING_API_KEY"),
            (ResponseTemplate::new(404), 2, State::Fail, "EMBEDDING_MODEL"),
        ];
        for (answer, dimension, state, advice) in cases {
            let server = answering(answer).await;
            let mut config = Config::default().embeddings;
            (config.model, config.base_url, config.dimension) = ("some".to_owned(), server.uri(), dimension);
            let check = embeddings(&config).await;
            assert_eq!(check.state, state, "{check:?}");
            assert!(check.advice.unwrap_or_default().contains(advice));
        }
        assert_eq!(embeddings(&Config::default().embeddings).await.state, State::Ok);
    }

    // spec: OPS-3
    #[tokio::test]
    async fn torre_is_reached_or_off_or_warned_of() {
        let server = MockServer::start().await;
        let mut config = Config::default().torre;
        for (base_url, state) in [
            (server.uri(), State::Ok),
            (String::new(), State::Ok),
            ("http://127.0.0.1:9".to_owned(), State::Warn),
        ] {
            config.base_url = base_url;
            assert_eq!(torre(&config).await.state, state, "{}", config.base_url);
        }
    }
}
