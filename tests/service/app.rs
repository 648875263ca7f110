//! A whole Emma without models: real routes over a real database in a temporary directory, with a clock that tests turn.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use emma::bootstrap::erasing::EmbeddedEraser;
use emma::bootstrap::health::{self, LlmHealth, SpeechHealth, VectorHealth};
use emma::router::{self, AppState};
use emma::screening::analysis::application::analyse::{AnalysisService, ForgetAnalyses};
use emma::screening::analysis::infrastructure::http::{AnalysisState, ApplicationLookup, Presence};
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::applications::application::ApplicationService;
use emma::screening::applications::application::embed::{
    Embeddings, GenerateCandidateEmbeddings, GenerateJobOfferEmbeddings,
};
use emma::screening::applications::application::erase::FinishErasure;
use emma::screening::applications::application::invite::LinkTerms;
use emma::screening::applications::application::make_plan::DeterministicPlans;
use emma::screening::applications::application::react::{
    EndScreening, ForgetCalls, GenerateCallPrompt, NoteWithdrawal,
};
use emma::screening::applications::domain::application::{ApplicationErased, ApplicationStatus, JobOfferApplied};
use emma::screening::applications::domain::consent::ConsentWithdrawn;
use emma::screening::applications::domain::directory::TalentDirectory;
use emma::screening::applications::domain::ports::PlanMaker;
use emma::screening::applications::infrastructure::calls::ApplicationCalls;
use emma::screening::applications::infrastructure::documents::FileReader;
use emma::screening::applications::infrastructure::http::ApplicationsState;
use emma::screening::applications::infrastructure::store::SqliteApplicationStore;
use emma::screening::calls::application::service::CallService;
use emma::screening::calls::application::session::Engines;
use emma::screening::calls::application::withdraw::CallEnder;
use emma::screening::calls::domain::call::ScreeningCall;
use emma::screening::calls::domain::ports::MediaGateway;
use emma::screening::calls::domain::status::EndReason;
use emma::screening::calls::domain::store::CallStore;
use emma::screening::calls::infrastructure::http::calls::CallsState;
use emma::screening::calls::infrastructure::http::door::{Doorkeeper, InterviewsState};
use emma::screening::calls::infrastructure::recording::OggRecordings;
use emma::screening::calls::infrastructure::store::SqliteCallStore;
use emma::screening::calls::infrastructure::websocket::WebSocketAdapter;
use emma::screening::shared::ids::ApplicationId;
use emma::shared::clock::Clock;
use emma::shared::db::Db;
use emma::shared::embeddings::TextEmbedder;
use emma::shared::embeddings::store::SqliteEmbeddingStore;
use emma::shared::errors::StoreError;
use emma::shared::http::auth::RecruiterToken;
use emma::shared::http::health::HealthState;
use emma::shared::http::idempotency::Idempotency;
use emma::shared::http::problem::{Problem, ProblemKind};
use emma::shared::jobs::Subscription;
use emma::shared::jobs::runner::{JobRunner, RunnerConfig};
use emma::shared::llm::costs::{CostsState, SqliteRequestLog};
use emma::shared::telemetry::idle_metrics;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::engines::{Pace, engines};
use crate::fakes::{FakeEmbedder, FakeGateway};

pub const RECRUITER: &str = "the-recruiters-secret";

/// A clock that stands still until it is turned.
pub struct TurnedClock(Mutex<DateTime<Utc>>);

impl Default for TurnedClock {
    fn default() -> Self {
        Self(Mutex::new(DateTime::from_timestamp(1_790_000_000, 0).expect("a time")))
    }
}

impl TurnedClock {
    pub fn turn(&self, by: TimeDelta) {
        *self.0.lock().expect("unpoisoned") += by;
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("unpoisoned")
    }
}

/// A database of its own, gone with the value unless its directory belongs to somebody else.
pub struct TestDb {
    pub db: Db,
    pub clock: Arc<TurnedClock>,
    dir: std::path::PathBuf,
    /// Deleted when the last database in it is gone.
    pub temporary: Option<Arc<tempfile::TempDir>>,
}

impl TestDb {
    pub async fn open() -> Self {
        Self::reopen(Arc::new(tempfile::tempdir().expect("a temporary directory"))).await
    }

    /// The database another server left there.
    pub async fn reopen(dir: Arc<tempfile::TempDir>) -> Self {
        let mut base = Self::at(dir.path()).await;
        base.temporary = Some(dir);
        base
    }

    /// The database in this directory.
    pub async fn at(dir: &std::path::Path) -> Self {
        let db = Db::open(&dir.join("emma.db")).await.expect("a database");
        Self {
            db,
            clock: Arc::default(),
            dir: dir.to_owned(),
            temporary: None,
        }
    }

    pub fn calls(&self) -> SqliteCallStore {
        SqliteCallStore::new(self.db.clone(), self.clock.clone())
    }

    pub fn applications(&self) -> SqliteApplicationStore {
        SqliteApplicationStore::new(self.db.clone())
    }

    /// Where recordings are kept.
    pub fn recordings(&self) -> std::path::PathBuf {
        self.dir.join("recordings")
    }

    /// The database file.
    pub fn file(&self) -> std::path::PathBuf {
        self.dir.join("emma.db")
    }

    /// Everything in the database file and its log, as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let files = std::fs::read_dir(&self.dir).expect("readable").flatten();
        for file in files.filter(|file| file.path().is_file()) {
            all.extend(std::fs::read(file.path()).expect("readable"));
        }
        all
    }
}

pub struct App {
    pub base: TestDb,
    pub service: Arc<ApplicationService>,
    pub calls: Arc<dyn CallStore>,
    /// Runs the live calls.
    pub interviews: Arc<CallService>,
    /// Where candidates' connections come in.
    pub media: Arc<FakeGateway>,
    pub embedder: Arc<FakeEmbedder>,
    pub jobs: JobRunner,
    router: Router,
    /// Dropped, nobody waits for engines any more.
    _loading: watch::Sender<Option<Engines>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Checks that this is a well-formed problem of the given kind.
    pub fn is_problem(&self, status: u16, slug: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{slug}"), "{body}");
        assert_eq!(body["status"], status);
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    }
}

/// What an Emma is made of besides her database.
struct Parts {
    directory: Option<Arc<dyn TalentDirectory>>,
    engines: Option<Engines>,
    gateway: Option<Arc<dyn MediaGateway>>,
    /// Embeds what applications bring; a fake where there is none.
    hosted: Option<Arc<dyn TextEmbedder>>,
    plans: Arc<dyn PlanMaker>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            directory: None,
            engines: None,
            gateway: None,
            hosted: None,
            plans: Arc::new(DeterministicPlans),
        }
    }
}

impl App {
    /// An Emma whose engines are still being loaded.
    pub async fn start() -> Self {
        Self::over(TestDb::open().await, None)
    }

    /// An Emma that can hold calls.
    pub async fn live() -> Self {
        Self::over(TestDb::open().await, Some(engines(Pace::Typed)))
    }

    /// An Emma over this database, as after a restart.
    pub fn over(base: TestDb, engines: Option<Engines>) -> Self {
        Self::assemble(
            base,
            Parts {
                engines,
                ..Parts::default()
            },
        )
    }

    /// With somebody who makes plans.
    pub fn planning(base: TestDb, plans: Arc<dyn PlanMaker>) -> Self {
        Self::assemble(
            base,
            Parts {
                plans,
                ..Parts::default()
            },
        )
    }

    /// With somewhere to look candidates and opportunities up.
    pub fn knowing(base: TestDb, directory: Arc<dyn TalentDirectory>) -> Self {
        let directory = Some(directory);
        Self::assemble(
            base,
            Parts {
                directory,
                ..Parts::default()
            },
        )
    }

    /// With engines for calls, and a gateway for those that come over WebRTC.
    pub async fn start_with(engines: Engines, gateway: Arc<dyn MediaGateway>) -> Self {
        let (engines, gateway) = (Some(engines), Some(gateway));
        let parts = Parts {
            engines,
            gateway,
            ..Parts::default()
        };
        Self::assemble(TestDb::open().await, parts)
    }

    /// Where this model embeds what applications bring.
    pub fn embedding(base: TestDb, model: Arc<dyn TextEmbedder>) -> Self {
        let hosted = Some(model);
        Self::assemble(
            base,
            Parts {
                hosted,
                ..Parts::default()
            },
        )
    }

    fn assemble(base: TestDb, parts: Parts) -> Self {
        let Parts {
            directory,
            engines,
            gateway,
            hosted,
            plans,
        } = parts;
        let (db, clock) = (base.db.clone(), base.clock.clone());
        let store = Arc::new(base.applications());
        let recordings = Arc::new(OggRecordings::new(base.recordings()));
        let calls: Arc<dyn CallStore> = Arc::new(base.calls().with_recordings(recordings.clone()));
        let ender = Arc::new(LateEnder::default());
        let recruiter = RecruiterToken::given(RECRUITER.to_owned().into());
        let idempotency = Idempotency::new(db.clone(), clock.clone(), &recruiter);
        let service = Arc::new(ApplicationService {
            store: store.clone(),
            calls: Arc::new(ApplicationCalls {
                store: calls.clone(),
                ender: ender.clone(),
                clock: clock.clone(),
            }),
            eraser: Arc::new(EmbeddedEraser {
                db: db.clone(),
                recordings: recordings.clone(),
                answers: idempotency.clone(),
            }),
            documents: Arc::new(FileReader::default()),
            plans,
            directory,
            clock: clock.clone(),
            link_terms: LinkTerms {
                valid_for: TimeDelta::hours(100),
                ..LinkTerms::default()
            },
            offers_recording: engines.is_some(),
        });
        let (loading, engines) = watch::channel(engines);
        let media = Arc::new(FakeGateway::default());
        let speech_health = SpeechHealth {
            engines: engines.clone(),
            remote: Vec::new(),
        };
        let interviews = CallService::new(
            engines,
            gateway.unwrap_or_else(|| media.clone()),
            calls.clone(),
            service.clone(),
            clock.clone(),
        );
        let interviews = Arc::new(interviews.recording_to(recordings.clone()));
        ender.0.set(Arc::downgrade(&interviews)).expect("set once");
        let analyses = Arc::new(SqliteAnalysisStore(db.clone()));
        let embedder = Arc::new(FakeEmbedder::default());
        let embeddings = Arc::new(Embeddings {
            applications: service.clone(),
            embedder: hosted.unwrap_or_else(|| embedder.clone()),
            vectors: Arc::new(SqliteEmbeddingStore(db.clone())),
        });
        let analysis = Arc::new(AnalysisService {
            calls: calls.clone(),
            interviews: service.clone(),
            analyses: analyses.clone(),
            embedder: embedder.clone(),
            model: None,
            clock: clock.clone(),
        });
        let jobs = JobRunner::new(
            db.clone(),
            clock.clone(),
            vec![
                Subscription {
                    event: JobOfferApplied::NAME,
                    subscriber: "generate-candidate-embeddings",
                    handler: Arc::new(GenerateCandidateEmbeddings(embeddings.clone())),
                },
                Subscription {
                    event: JobOfferApplied::NAME,
                    subscriber: "generate-job-offer-embeddings",
                    handler: Arc::new(GenerateJobOfferEmbeddings(embeddings)),
                },
                Subscription {
                    event: JobOfferApplied::NAME,
                    subscriber: "generate-call-prompt",
                    handler: Arc::new(GenerateCallPrompt(service.clone())),
                },
                Subscription {
                    event: ScreeningCall::FINISHED,
                    subscriber: "end-screening",
                    handler: Arc::new(EndScreening(service.clone())),
                },
                Subscription {
                    event: ScreeningCall::FINISHED,
                    subscriber: "analyse-call",
                    handler: analysis.clone(),
                },
                Subscription {
                    event: ScreeningCall::FINISHED,
                    subscriber: "note-withdrawal",
                    handler: Arc::new(NoteWithdrawal(service.clone())),
                },
                Subscription {
                    event: ConsentWithdrawn::NAME,
                    subscriber: "forget-calls",
                    handler: Arc::new(ForgetCalls(service.clone())),
                },
                Subscription {
                    event: ConsentWithdrawn::NAME,
                    subscriber: "forget-analyses",
                    handler: Arc::new(ForgetAnalyses(analysis)),
                },
                Subscription {
                    event: ApplicationErased::NAME,
                    subscriber: "finish-erasure",
                    handler: Arc::new(FinishErasure(service.clone())),
                },
            ],
            RunnerConfig::default(),
        );
        let door = Arc::new(Door(service.clone()));
        let vector_health = VectorHealth {
            vectors: Arc::new(SqliteEmbeddingStore(db.clone())),
            configured: embedder.model(),
        };
        let router = router::build(AppState {
            recruiter: recruiter.clone(),
            applications: ApplicationsState {
                service: service.clone(),
                public_url: "https://emma.test".into(),
                ice_servers: [].into(),
                verdicts: analyses.clone(),
            },
            calls: CallsState {
                store: calls.clone(),
                calls: interviews.clone(),
                recordings,
            },
            interviews: InterviewsState {
                calls: interviews.clone(),
                door: door.clone(),
                sockets: WebSocketAdapter::new(Arc::new(Semaphore::new(8))),
            },
            analysis: AnalysisState {
                analyses,
                applications: door,
                recruiter: recruiter.clone(),
            },
            health: HealthState {
                parts: health::parts(&db, vector_health, LlmHealth::default(), speech_health).into(),
            },
            costs: CostsState(Arc::new(SqliteRequestLog {
                db: db.clone(),
                clock: clock.clone(),
            })),
            jobs: jobs.clone(),
            idempotency,
            metrics: idle_metrics(),
        });
        Self {
            base,
            service,
            calls,
            interviews,
            media,
            embedder,
            jobs,
            router,
            _loading: loading,
        }
    }

    /// Serves on this machine until the test ends; gives the address.
    pub async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The database, for the next server.
    pub fn into_base(self) -> TestDb {
        self.base
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: bytes.into(),
        }
    }

    /// A request with the recruiter's token.
    pub async fn recruiter(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let builder = Request::builder().header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"));
        self.send(with_body(builder.method(method).uri(path), body)).await
    }

    /// A request that carries nothing but what is in it.
    pub async fn anyone(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(with_body(Request::builder().method(method).uri(path), body))
            .await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.recruiter(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.recruiter(Method::POST, path, Some(body)).await
    }

    /// A recruiter's form with one file.
    pub async fn upload(&self, path: &str, field: &str, file: &[u8], fields: &[(&str, &str)]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--XYZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.as_bytes());
        }
        let head = format!("--XYZ\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"f\"\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(file);
        body.extend(b"\r\n--XYZ--\r\n");
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XYZ");
        self.send(request.body(Body::from(body)).expect("a request")).await
    }
}

fn with_body(builder: axum::http::request::Builder, body: Option<Value>) -> Request<Body> {
    match body {
        Some(value) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(value.to_string())),
        None => builder.body(Body::empty()),
    }
    .expect("a request")
}

struct Door(Arc<ApplicationService>);

#[async_trait]
impl Doorkeeper for Door {
    async fn application_of(&self, token: &str) -> Result<ApplicationId, Problem> {
        let application = self.0.application_of(token).await?;
        application
            .map(|a| a.id)
            .ok_or_else(|| ProblemKind::ConsentRequired.into())
    }

    async fn enter(&self, token: &str) -> Result<ApplicationId, Problem> {
        Ok(self.0.enter(token).await?.application_id)
    }
}

#[async_trait]
impl ApplicationLookup for Door {
    async fn presence(&self, application: &ApplicationId) -> Result<Presence, StoreError> {
        Ok(match self.0.store.application(application).await? {
            None => Presence::Unknown,
            Some(found) if found.status() == ApplicationStatus::Erased => Presence::Erased,
            Some(_) => Presence::Known,
        })
    }
}

/// Calls and applications know each other.
#[derive(Default)]
struct LateEnder(OnceLock<Weak<CallService>>);

#[async_trait]
impl CallEnder for LateEnder {
    async fn end(&self, application: &ApplicationId, reason: EndReason) -> Result<(), StoreError> {
        match self.0.get().and_then(Weak::upgrade) {
            Some(calls) => calls.end(application, reason).await.map(drop),
            None => Ok(()),
        }
    }
}

/// The body of the last event of this name.
pub async fn last_event(db: &Db, name: &str) -> Value {
    let (data,): (String,) = sqlx::query_as("SELECT data FROM outbox WHERE name = $1 ORDER BY position DESC LIMIT 1")
        .bind(name)
        .fetch_one(db.reader())
        .await
        .expect("published");
    serde_json::from_str(&data).expect("JSON")
}
