//! Interview plans over time: drafted while others need one, edited by recruiters, rendered ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use emma::bootstrap::engines::EmmaVoice;
use emma::bootstrap::prepare::PrepareVoice;
use emma::bootstrap::subscriptions::{self, Subscribers};
use emma::screening::analysis::application::analyse::AnalysisService;
use emma::screening::analysis::application::forget_replies::ForgetReplies;
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::applications::application::embed::Embeddings;
use emma::screening::applications::application::make_plan::ModelPlans;
use emma::screening::calls::domain::ports::{SpeechChunk, SpeechError, SpeechRequest};
use emma::screening::calls::infrastructure::voice::queue::{Engine, VoiceQueue};
use emma::screening::calls::infrastructure::voice::stop::{Stop, Unfinished};
use emma::screening::calls::infrastructure::voice_cache::CachedVoice;
use emma::screening::calls::infrastructure::voice_cache::store::Limits;
use emma::shared::embeddings::store::SqliteEmbeddingStore;
use emma::shared::jobs::runner::{JobRunner, RunnerConfig};
use emma::shared::llm::replies::SqliteReplies;
use emma::shared::llm::{ChatEvent, ChatModel, ChatRequest, FinishReason, LlmError, Usage};
use emma::shared::prompts::Prompts;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, TestDb};
use crate::fakes::eventually;
use crate::http_api::{Applied, applied_to};

/// Nothing in these tests takes this long unless it is broken.
const SOON: Duration = Duration::from_secs(20);
const DRAFTED: &str = "Which payments work of yours are you proud of?";

/// Drafts the same plan each time, as often as it is let on.
struct Drafter {
    asked: AtomicUsize,
    go: Semaphore,
}

impl Drafter {
    fn let_on(times: usize) -> Arc<Self> {
        Arc::new(Self {
            asked: AtomicUsize::new(0),
            go: Semaphore::new(times),
        })
    }

    async fn is_asked(&self) {
        eventually("the model is asked", async || self.asked.load(Ordering::SeqCst) > 0).await;
    }
}

#[async_trait]
impl ChatModel for Drafter {
    async fn stream(&self, _: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.go.acquire().await.map_err(|_| LlmError::TimedOut)?.forget();
        let (sender, receiver) = mpsc::channel(64);
        let (reason, usage) = (FinishReason::Stop, Usage::default());
        for event in [
            ChatEvent::Text(draft().to_string()),
            ChatEvent::Finished { reason, usage },
        ] {
            sender.send(Ok(event)).await.map_err(|_| LlmError::TimedOut)?;
        }
        Ok(receiver)
    }

    fn model(&self) -> &'static str {
        "drafter"
    }
}

fn draft() -> Value {
    let question = |id: &str, text: &str| {
        json!({ "id": id, "type": "behavioral", "topic": "Payments", "text": text,
            "rephrased": "What did you build?", "criterion_ids": ["c1"], "probes": ["What was your part?"] })
    };
    json!({
        "questions": [question("q1", DRAFTED), question("q2", "What broke in it?"),
            question("q3", "How do you test it?"), question("q4", "Who used it?")],
        "criteria": [{ "id": "c1", "name": "Payments", "job_field": "responsibilities[0]", "kind": "scored",
            "weight": 2.0, "keywords": ["payments"],
            "anchors": { "1": "Names nothing.", "3": "Describes own work.", "5": "Describes own work and its outcome." } }],
    })
}

/// A voice that tells what it was asked to say.
struct Noting(mpsc::UnboundedSender<String>);

impl Engine for Noting {
    type Piece = String;
    const RESTARTABLE: bool = true;

    fn plan(&mut self, request: &SpeechRequest) -> Result<Vec<String>, SpeechError> {
        Ok(vec![request.text.clone()])
    }

    fn render(&mut self, piece: &String, _: &Stop, emit: &mut dyn FnMut(SpeechChunk)) -> Result<(), Unfinished> {
        // The test may have heard enough.
        let _ = self.0.send(piece.clone());
        let chunk = SpeechChunk {
            pcm: vec![1; 480].into(),
            words: Vec::new(),
        };
        emit(chunk);
        Ok(())
    }
}

async fn drafting(drafter: &Arc<Drafter>) -> App {
    let plans = ModelPlans {
        model: drafter.clone(),
        prompts: Arc::new(Prompts::load(None).expect("prompts")),
    };
    App::planning(TestDb::open().await, Arc::new(plans))
}

/// Delivers events as the server does, with its own list of subscriptions. Gives what the voice is asked to render.
fn deliver(app: &App, stop: &CancellationToken) -> mpsc::UnboundedReceiver<String> {
    let (db, clock) = (app.base.db.clone(), app.base.clock.clone());
    let (said, texts) = mpsc::unbounded_channel();
    let queue = Arc::new(VoiceQueue::start("noting", Noting(said)).expect("a thread"));
    let dir = app.base.file().with_file_name("voice");
    let cached = CachedVoice::open(queue.clone(), "noting", &dir, Limits::default(), TaskTracker::new());
    let voice = EmmaVoice {
        cached: Arc::new(cached.expect("a directory")),
        queue,
        voice: "noting".to_owned(),
        engine: "noting",
    };
    let (_, voice) = watch::channel(Some(Arc::new(voice)));
    let subscriptions = subscriptions::all(Subscribers {
        applications: app.service.clone(),
        embeddings: Arc::new(Embeddings {
            applications: app.service.clone(),
            embedder: app.embedder.clone(),
            vectors: Arc::new(SqliteEmbeddingStore(db.clone())),
        }),
        prepare_voice: Arc::new(PrepareVoice {
            applications: app.service.clone(),
            voice,
            speed: 1.0,
            stopping: stop.clone(),
        }),
        analysis: Arc::new(AnalysisService {
            calls: app.calls.clone(),
            interviews: app.service.clone(),
            analyses: Arc::new(SqliteAnalysisStore(db.clone())),
            embedder: app.embedder.clone(),
            model: None,
            clock: clock.clone(),
        }),
        forget_replies: Arc::new(ForgetReplies {
            calls: app.calls.clone(),
            replies: Arc::new(SqliteReplies {
                db: db.clone(),
                clock: clock.clone(),
                entries: 1,
            }),
        }),
    });
    let runner = JobRunner::new(db, clock, subscriptions, RunnerConfig::default());
    tokio::spawn(runner.run(stop.clone()));
    texts
}

async fn is_rendered(texts: &mut mpsc::UnboundedReceiver<String>, text: &str) {
    let search = async { while texts.recv().await.expect("the voice works") != text {} };
    tokio::time::timeout(SOON, search)
        .await
        .unwrap_or_else(|_| panic!("never rendered: {text}"));
}

async fn plan(at: &Applied) -> Value {
    at.app
        .get(&format!("/api/v1/applications/{}/plan", at.application))
        .await
        .json()
}

async fn edit(at: &Applied, change: impl Fn(&mut Value)) -> Value {
    let mut plan = plan(at).await;
    change(&mut plan);
    let path = format!("/api/v1/job-offers/{}/plan", at.offer);
    let edited = at.app.recruiter(Method::PUT, &path, Some(plan)).await;
    assert_eq!(edited.status, StatusCode::OK, "{}", edited.text);
    edited.json()
}

// spec: APP-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_drafted_while_others_needed_one_is_put_in_force_and_rendered_ahead() {
    let drafter = Drafter::let_on(0);
    let app = drafting(&drafter).await;
    let stop = CancellationToken::new();
    let mut texts = deliver(&app, &stop);
    let at = applied_to(app).await;
    drafter.is_asked().await;
    // While the model thinks, a page asks for the plan and the voice begins with what there is.
    let makeshift = plan(&at).await;
    assert_eq!(
        (&makeshift["version"], &makeshift["made_by"]["how"]),
        (&json!(1), &json!("deterministic"))
    );
    is_rendered(&mut texts, "Are you ready to begin?").await;

    drafter.go.add_permits(1);
    is_rendered(&mut texts, DRAFTED).await;
    let drafted = plan(&at).await;
    assert_eq!(
        (
            &drafted["version"],
            &drafted["made_by"]["how"],
            &drafted["made_by"]["model"]
        ),
        (&json!(2), &json!("language_model"), &json!("drafter"))
    );
    assert_eq!(drafted["questions"][0]["text"], DRAFTED);
    let versions = format!("/api/v1/job-offers/{}/plan/versions", at.offer);
    let versions = at.app.get(&versions).await.json();
    assert_eq!(versions["items"][0]["made_by"], drafted["made_by"]);
    assert_eq!(versions["items"][1]["made_by"]["how"], "deterministic");
    stop.cancel();
}

// spec: APP-7
#[tokio::test]
async fn what_a_recruiter_wrote_no_model_replaces() {
    let drafter = Drafter::let_on(9);
    let at = applied_to(drafting(&drafter).await).await;
    // Whoever is said to have made it: the server knows better.
    let edited = edit(&at, |plan| {
        plan["questions"][0]["text"] = json!("What did you build last year?");
        plan["made_by"] = json!({ "how": "deterministic" });
    })
    .await;
    assert_eq!(edited["made_by"], json!({ "how": "recruiter" }));
    at.app.jobs.run_due().await.expect("a queue");
    at.app
        .post("/api/v1/candidates", json!({ "name": "Bo", "username": "bo" }))
        .await;
    let bo = json!({ "username": "bo", "job_offer_id": at.offer });
    assert_eq!(
        at.app.post("/api/v1/applications", bo).await.status,
        StatusCode::CREATED
    );
    at.app.jobs.run_due().await.expect("a queue");
    assert_eq!(plan(&at).await, edited);
    assert_eq!(
        drafter.asked.load(Ordering::SeqCst),
        0,
        "nobody pays for a draft that is not used"
    );
}

// spec: APP-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_made_while_a_plan_is_drafted_stays() {
    let drafter = Drafter::let_on(0);
    let at = applied_to(drafting(&drafter).await).await;
    let jobs = at.app.jobs.clone();
    let work = tokio::spawn(async move { jobs.run_due().await });
    drafter.is_asked().await;
    let edited = edit(&at, |plan| {
        plan["questions"][0]["text"] = json!("What did you build last year?");
    })
    .await;
    drafter.go.add_permits(1);
    work.await.expect("no panic").expect("a queue");
    assert_eq!(plan(&at).await, edited);
    assert_eq!(at.app.jobs.dead_letters().await.expect("readable"), []);
}
