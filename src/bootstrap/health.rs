//! What `/health` asks: the parts of this server, and which of them no interview can be held without.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::screening::calls::application::session::Engines;
use crate::screening::calls::infrastructure::remote::{Circuit, Standing};
use crate::shared::db::Db;
use crate::shared::embeddings::EmbeddingModel;
use crate::shared::embeddings::set::EmbeddingStore;
use crate::shared::http::health::{Condition, DatabaseHealth, HealthCheck, HealthStatus, Part};
use crate::shared::llm::ChatModel as _;
use crate::shared::llm::open_router::OpenRouterLlmAdapter;

/// The language model's server is asked this often at most.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Below the time `/health` gives each part.
const PING: Duration = Duration::from_millis(1_500);

/// All parts, under the names they have in the answer.
pub fn parts(db: &Db, vectors: VectorHealth, llm: LlmHealth, speech: SpeechHealth) -> Vec<Part> {
    vec![
        Part {
            name: "database",
            essential: true,
            check: Arc::new(DatabaseHealth(db.clone())),
        },
        // Without vectors the posting is searched by words, and they can be made at any time.
        Part {
            name: "vector_store",
            essential: false,
            check: Arc::new(vectors),
        },
        // The guided interviewer does its work.
        Part {
            name: "llm",
            essential: false,
            check: Arc::new(llm),
        },
        Part {
            name: "speech",
            essential: true,
            check: Arc::new(speech),
        },
    ]
}

/// Whether stored vectors can be read and are of the model that is asked.
pub struct VectorHealth {
    pub vectors: Arc<dyn EmbeddingStore>,
    pub configured: EmbeddingModel,
}

#[async_trait]
impl HealthCheck for VectorHealth {
    async fn check(&self) -> Condition {
        let Ok(models) = self.vectors.models().await else {
            return Condition::new(HealthStatus::Down, "stored vectors cannot be read");
        };
        let (own, other): (Vec<_>, Vec<_>) = models.into_iter().partition(|(model, _)| *model == self.configured);
        let count = |sets: &[(EmbeddingModel, u64)]| sets.iter().map(|(_, sets)| sets).sum::<u64>();
        let (own, other) = (count(&own), count(&other));
        let name = &self.configured.name;
        if other > 0 {
            let detail =
                format!("{other} sets are of another model than {name}; `emma embeddings rebuild` makes them anew");
            return Condition::new(HealthStatus::Degraded, detail);
        }
        Condition::new(HealthStatus::Ok, format!("{own} sets of {name}"))
    }
}

/// Whether the language model's server answers. Interviews go on without it: it is never more than degraded.
#[derive(Default)]
pub struct LlmHealth {
    adapter: Option<Arc<OpenRouterLlmAdapter>>,
    /// Kept, so that a health check every second is no load.
    last: Mutex<Option<Asked>>,
}

#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    /// How long the server took.
    took: Duration,
    answer: Result<(), &'static str>,
}

impl LlmHealth {
    /// Of this server, where one is configured.
    pub fn of(adapter: Option<Arc<OpenRouterLlmAdapter>>) -> Self {
        Self {
            adapter,
            last: Mutex::default(),
        }
    }
}

#[async_trait]
impl HealthCheck for LlmHealth {
    async fn check(&self) -> Condition {
        let Some(adapter) = &self.adapter else {
            return Condition::new(HealthStatus::Ok, "none configured: the guided interviewer speaks");
        };
        let mut last = self.last.lock().await;
        let asked = match *last {
            Some(asked) if asked.at.elapsed() < ASK_EVERY => asked,
            _ => {
                let at = Instant::now();
                let answer = adapter.ping(PING).await.map_err(|error| error.kind());
                *last.insert(Asked {
                    at,
                    took: at.elapsed(),
                    answer,
                })
            }
        };
        let (status, detail) = match asked.answer {
            Ok(()) => (HealthStatus::Ok, adapter.model().to_owned()),
            Err(kind) => {
                let detail = format!("{}: {kind}; the guided interviewer speaks meanwhile", adapter.model());
                (HealthStatus::Degraded, detail)
            }
        };
        Condition {
            measured: Some(asked.took),
            ..Condition::new(status, detail)
        }
    }
}

/// Whether ears and voice are loaded, and how the remote services stand.
pub struct SpeechHealth {
    pub engines: watch::Receiver<Option<Engines>>,
    pub remote: Vec<Arc<Circuit>>,
}

#[async_trait]
impl HealthCheck for SpeechHealth {
    async fn check(&self) -> Condition {
        let (mut status, mut details) = if self.engines.borrow().is_some() {
            (HealthStatus::Ok, Vec::new())
        } else if self.engines.has_changed().is_err() {
            let detail = "the models could not be loaded: no interview can be held".to_owned();
            (HealthStatus::Down, vec![detail])
        } else {
            (HealthStatus::Degraded, vec!["the models are being loaded".to_owned()])
        };
        let now = Instant::now();
        for circuit in &self.remote {
            let name = circuit.name();
            details.push(match circuit.standing(now) {
                Standing::Asked => format!("{name}: in use"),
                standing => {
                    status = status.max(HealthStatus::Degraded);
                    match standing {
                        Standing::KeyRefused => format!("{name}: refused the key, others do its work"),
                        Standing::Paused(pause) => {
                            format!("{name}: left alone for {} s, others do its work", pause.as_secs())
                        }
                        Standing::Asked => continue,
                    }
                }
            });
        }
        Condition {
            detail: (!details.is_empty()).then(|| details.join("; ")),
            ..Condition::from(status)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::FromRef;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use tower::ServiceExt as _;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::screening::calls::domain::ports::SpeechError;
    use crate::shared::clock::{Clock as _, SystemClock};
    use crate::shared::embeddings::set::EmbeddingSet;
    use crate::shared::embeddings::store::SqliteEmbeddingStore;
    use crate::shared::http::health::{self, HealthState};
    use crate::shared::llm::open_router::Endpoint;

    #[derive(Clone, FromRef)]
    struct State {
        health: HealthState,
    }

    fn model(name: &str) -> EmbeddingModel {
        EmbeddingModel {
            name: name.to_owned(),
            dimension: 1,
        }
    }

    async fn ask(parts: Vec<Part>) -> (StatusCode, Value) {
        let state = State {
            health: HealthState { parts: parts.into() },
        };
        let (router, _) = health::routes::<State>().split_for_parts();
        let router: Router = router.with_state(state);
        let request = Request::get("/health").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    // spec: OPS-2
    #[tokio::test]
    async fn all_parts_answer_with_a_latency_and_what_is_missing_decides_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("emma.db")).await.unwrap();
        let vectors = Arc::new(SqliteEmbeddingStore(db.clone()));
        let parts = |engines: &watch::Receiver<Option<Engines>>| {
            let of = VectorHealth {
                vectors: vectors.clone(),
                configured: model("this"),
            };
            let speech = SpeechHealth {
                engines: engines.clone(),
                remote: vec![],
            };
            parts(&db, of, LlmHealth::default(), speech)
        };
        let (loading, engines) = watch::channel(None);

        let (code, body) = ask(parts(&engines)).await;
        let components = body["components"].as_object().unwrap();
        let names: Vec<&str> = components.keys().map(String::as_str).collect();
        assert_eq!(names, ["database", "llm", "speech", "vector_store"]);
        assert!(components.values().all(|part| part["latency_ms"].is_number()), "{body}");
        assert_eq!((code, &body["status"]), (StatusCode::OK, &"degraded".into()), "{body}");
        assert_eq!(body["components"]["vector_store"]["status"], "ok", "{body}");

        let set = EmbeddingSet::new(model("other"), &[("a".to_owned(), "b".to_owned())], vec![vec![1.0]]).unwrap();
        vectors.put("job_1", &set, SystemClock.now()).await.unwrap();
        let (_, body) = ask(parts(&engines)).await;
        let of_another = &body["components"]["vector_store"];
        assert_eq!(of_another["status"], "degraded");
        assert!(
            of_another["detail"]
                .as_str()
                .unwrap()
                .contains("emma embeddings rebuild")
        );

        drop(loading);
        let (code, body) = ask(parts(&engines)).await;
        assert_eq!(
            (code, &body["status"]),
            (StatusCode::SERVICE_UNAVAILABLE, &"down".into())
        );
        assert_eq!(body["components"]["speech"]["status"], "down");
    }

    // spec: OPS-2
    #[tokio::test]
    async fn a_kept_answer_of_the_language_model_keeps_the_time_it_took() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_millis(80));
        Mock::given(path("/v1/models")).respond_with(slow).mount(&server).await;
        let endpoint = Endpoint::new(&format!("{}/v1", server.uri()), None);
        let llm = LlmHealth::of(Some(Arc::new(OpenRouterLlmAdapter::new(endpoint, "m").unwrap())));
        let first = llm.check().await;
        let second = llm.check().await;
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "asked once");
        assert_eq!(first.measured, second.measured);
        assert!(
            second.measured.is_some_and(|took| took >= Duration::from_millis(80)),
            "{second:?}"
        );
    }

    // spec: OPS-2
    #[tokio::test]
    async fn health_lists_the_remote_services_and_how_they_stand() {
        let (_loading, engines) = watch::channel(None);
        let remote = vec![Arc::new(Circuit::new("a voice")), Arc::new(Circuit::new("ears"))];
        remote[1].failed(&SpeechError::KeyRefused, Instant::now());
        let Condition { status, detail, .. } = SpeechHealth { engines, remote }.check().await;
        assert_eq!(status, HealthStatus::Degraded);
        let detail = detail.expect("a detail");
        assert!(
            detail.contains("a voice: in use") && detail.contains("ears: refused the key"),
            "{detail}"
        );
    }
}
