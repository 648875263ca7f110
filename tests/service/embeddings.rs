//! Vectors of candidates and job offers: made once, kept with their model, used in calls; and the hosted model's server at
//! its worst.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use emma::knowledge::infrastructure::openrouter::{EmbeddingsSettings, OpenRouterEmbeddingsAdapter};
use emma::knowledge::infrastructure::role_search::{RoleSearch, RoleStatements};
use emma::screening::applications::application::embed::KeepError;
use emma::screening::applications::application::rebuild_embeddings::RebuildEmbeddings;
use emma::screening::applications::infrastructure::store::SqliteApplicationStore;
use emma::screening::calls::domain::ports::RoleKnowledge as _;
use emma::screening::shared::ids::JobOfferId;
use emma::shared::clock::Clock as _;
use emma::shared::embeddings::pieces::in_pieces;
use emma::shared::embeddings::set::{EmbeddingSet, EmbeddingStore};
use emma::shared::embeddings::store::SqliteEmbeddingStore;
use emma::shared::embeddings::{EmbedError, EmbeddingModel, TextEmbedder, TextRole};
use emma::shared::errors::StoreError;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::app::{App, TestDb};
use crate::fakes::FakeEmbedder;

fn texts() -> Vec<(String, String)> {
    [
        ("title", "The position is Nurse."),
        ("benefits[0]", "Four weeks of holiday"),
    ]
    .map(|(field, text)| (field.to_owned(), text.to_owned()))
    .to_vec()
}

async fn set_of(embedder: &dyn TextEmbedder) -> EmbeddingSet {
    let plain: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    let vectors = embedder.embed(&plain, TextRole::Passage).await.expect("vectors");
    EmbeddingSet::new(embedder.model(), &texts(), vectors).expect("sound")
}

// spec: APP-6
#[tokio::test]
async fn an_application_has_both_sides_embedded_once() {
    let app = App::start().await;
    let offer = json!({ "title": "Nurse", "benefits": ["Four weeks of holiday"] });
    let offer = app.post("/api/v1/job-offers", offer).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut candidates = Vec::new();
    for who in ["ana", "bo"] {
        let new = json!({ "name": who, "username": who, "headline": "Nurse", "resume_text": "Ten years in a ward" });
        candidates.push(
            app.post("/api/v1/candidates", new).await.json()["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
        app.post(
            "/api/v1/applications",
            json!({ "username": who, "job_offer_id": offer }),
        )
        .await;
    }
    app.jobs.run_due().await.expect("a queue");
    assert_eq!(app.jobs.dead_letters().await.expect("readable"), []);
    let store = SqliteEmbeddingStore(app.base.db.clone());
    let kept = store.of(&offer).await.expect("readable").expect("stored");
    let fields: Vec<&str> = kept.vectors().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        (fields.as_slice(), kept.model().name.as_str()),
        (["title", "benefits[0]"].as_slice(), "words")
    );
    for candidate in candidates {
        let kept = store.of(&candidate).await.expect("readable").expect("stored");
        let fields: Vec<&str> = kept.vectors().iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["headline", "resume[0]"]);
    }
    let seen = app.embedder.seen.lock().expect("unpoisoned").clone();
    let holidays = seen.iter().filter(|text| text.contains("holiday")).count();
    assert_eq!(
        holidays, 1,
        "the offer had its vectors already when the second candidate came"
    );
}

// spec: APP-6, KNOW-4
#[tokio::test]
async fn a_set_is_of_one_model_and_replaced_as_a_whole() {
    let base = TestDb::open().await;
    let store = SqliteEmbeddingStore(base.db.clone());
    let set = set_of(&FakeEmbedder::default()).await;
    store.put("job_1", &set, base.clock.now()).await.expect("stored");
    store
        .put("job_1", &set, base.clock.now())
        .await
        .expect("the same again");
    assert_eq!(store.of("job_1").await.expect("readable"), Some(set));

    // Another model's vector does not get in, not even past the code.
    let mut write = base.db.write().await.expect("a transaction");
    let slipped = sqlx::query("INSERT INTO embedding_vectors VALUES ('job_1', 4, 9, 'x', zeroblob(16))");
    assert!(slipped.execute(&mut *write).await.is_err(), "of another dimension");
    let slipped = sqlx::query("INSERT INTO embedding_vectors VALUES ('job_1', 8, 9, 'x', zeroblob(16))");
    assert!(
        slipped.execute(&mut *write).await.is_err(),
        "of another length than it says"
    );
    drop(write);

    let model = EmbeddingModel {
        name: "other".to_owned(),
        dimension: 2,
    };
    let other = EmbeddingSet::new(model, &texts(), vec![vec![1.0, 0.0], vec![0.0, 1.0]]).expect("sound");
    store.put("job_1", &other, base.clock.now()).await.expect("stored");
    assert_eq!(store.of("job_1").await.expect("readable"), Some(other));
}

/// Another model; it fails where it is told to.
#[derive(Default)]
struct Other {
    broken: AtomicBool,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl TextEmbedder for Other {
    async fn embed(&self, texts: &[String], role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        assert_eq!(
            role,
            TextRole::Passage,
            "what is stored is found, it does not look for anything"
        );
        if self.broken.load(Ordering::SeqCst) {
            return Err(EmbedError::TimedOut);
        }
        self.seen.lock().expect("unpoisoned").extend_from_slice(texts);
        Ok(vec![vec![1.0, 0.0]; texts.len()])
    }

    fn model(&self) -> EmbeddingModel {
        EmbeddingModel {
            name: "other".to_owned(),
            dimension: 2,
        }
    }
}

// spec: KNOW-4
#[tokio::test]
async fn vectors_are_made_anew_with_another_model_and_it_may_be_interrupted() {
    let app = App::start().await;
    let offer = json!({ "title": "Nurse", "benefits": ["Four weeks of holiday"] });
    let offer = app.post("/api/v1/job-offers", offer).await.json()["id"].clone();
    for who in ["ana", "bo"] {
        let new = json!({ "name": who, "username": who, "headline": "Nurse", "resume_text": "Ten years in a ward" });
        app.post("/api/v1/candidates", new).await;
        app.post(
            "/api/v1/applications",
            json!({ "username": who, "job_offer_id": offer }),
        )
        .await;
    }
    app.jobs.run_due().await.expect("a queue");
    let vectors = Arc::new(SqliteEmbeddingStore(app.base.db.clone()));
    let stored = async || {
        let models = vectors.models().await.expect("readable").into_iter();
        models.map(|(model, sets)| (model.name, sets)).collect::<Vec<_>>()
    };
    assert_eq!(stored().await, [("words".to_owned(), 3)]);

    let other = Arc::new(Other::default());
    let rebuilding = RebuildEmbeddings {
        store: Arc::new(SqliteApplicationStore::new(app.base.db.clone())),
        embedder: other.clone(),
        vectors: vectors.clone(),
        clock: app.base.clock.clone(),
    };
    other.broken.store(true, Ordering::SeqCst);
    let failed = rebuilding.run(&CancellationToken::new(), |_| ()).await;
    assert!(
        matches!(failed, Err(KeepError::Embed(EmbedError::TimedOut))),
        "{failed:?}"
    );
    assert_eq!(stored().await, [("words".to_owned(), 3)], "nothing is lost");

    // Interrupted behind the first.
    other.broken.store(false, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let some = rebuilding.run(&stop, |_| stop.cancel()).await.expect("runs");
    assert!(!some.is_whole() && some.made == 1, "{some:?}");
    assert_eq!(stored().await, [("words".to_owned(), 2), ("other".to_owned(), 1)]);

    let mut steps = 0;
    let rest = rebuilding
        .run(&CancellationToken::new(), |_| steps += 1)
        .await
        .expect("runs");
    assert!(rest.is_whole() && steps == 3, "{rest:?}");
    assert_eq!((rest.made, rest.passed_over), (2, 1));
    assert_eq!(stored().await, [("other".to_owned(), 3)]);
    assert_eq!(other.seen.lock().expect("unpoisoned").len(), 6, "each text once");

    let again = rebuilding.run(&CancellationToken::new(), |_| ()).await.expect("runs");
    assert_eq!((again.made, again.passed_over), (0, 3));
    assert_eq!(other.seen.lock().expect("unpoisoned").len(), 6);
}

// spec: KNOW-4, APP-6
#[tokio::test]
async fn who_has_no_texts_has_no_vectors_and_a_rebuilding_ends() {
    let app = App::start().await;
    let offer = json!({ "title": "Nurse", "benefits": ["Four weeks of holiday"] });
    let offer = app.post("/api/v1/job-offers", offer).await.json()["id"].clone();
    let new = json!({ "name": "Ana", "username": "ana" });
    let candidate = app.post("/api/v1/candidates", new).await.json()["id"].clone();
    let candidate = candidate.as_str().expect("an id");
    let pair = json!({ "username": "ana", "job_offer_id": offer });
    app.post("/api/v1/applications", pair).await;
    app.jobs.run_due().await.expect("a queue");
    let vectors = Arc::new(SqliteEmbeddingStore(app.base.db.clone()));
    assert_eq!(vectors.of(candidate).await.expect("readable"), None, "nothing to embed");

    // As earlier versions left it: a set without vectors, of the model they had.
    let empty = EmbeddingSet::new(FakeEmbedder::default().model(), &[], Vec::new()).expect("sound");
    vectors
        .put(candidate, &empty, app.base.clock.now())
        .await
        .expect("stored");
    let rebuilding = RebuildEmbeddings {
        store: Arc::new(SqliteApplicationStore::new(app.base.db.clone())),
        embedder: Arc::new(Other::default()),
        vectors: vectors.clone(),
        clock: app.base.clock.clone(),
    };
    let done = rebuilding.run(&CancellationToken::new(), |_| ()).await.expect("runs");
    assert!(done.is_whole(), "{done:?}");
    let models: Vec<_> = vectors.models().await.expect("readable");
    let models: Vec<_> = models
        .iter()
        .map(|(model, sets)| (model.name.as_str(), *sets))
        .collect();
    assert_eq!(
        models,
        [("other", 1)],
        "the job offer's; no set of another model is left"
    );
}

/// Says one thing at length, and what is asked for at its very end.
struct Lengthy;

#[async_trait]
impl RoleStatements for Lengthy {
    async fn of(&self, _: &JobOfferId) -> Result<Vec<(String, String)>, StoreError> {
        let preamble = "We look after bridges in all weathers. ".repeat(100);
        let about = format!("{preamble}There are four weeks of holiday.");
        let more = [("organization.about".to_owned(), about), texts()[0].clone()];
        Ok(more.into())
    }
}

// spec: KNOW-4, EMMA-3
#[tokio::test]
async fn the_end_of_a_long_statement_is_found_as_well() {
    let embedder = Arc::new(FakeEmbedder::default());
    let mut long = search(embedder.clone(), None);
    long.statements = Arc::new(Lengthy);
    let facts = long
        .search(&JobOfferId::generate(), "How much holiday is there?", 1)
        .await
        .expect("found");
    assert_eq!(facts[0].field, "organization.about");
    let seen = embedder.seen.lock().expect("unpoisoned").clone();
    assert!(
        seen.iter().all(|text| text.len() <= 800),
        "no model is given more than it reads"
    );

    // What is made ahead is of the same pieces and is used.
    let statements = Lengthy.of(&JobOfferId::generate()).await.expect("known");
    let pieces = in_pieces(&statements);
    let plain: Vec<String> = pieces.iter().map(|(_, text)| text.clone()).collect();
    let vectors = embedder.embed(&plain, TextRole::Passage).await.expect("vectors");
    let stored = EmbeddingSet::new(embedder.model(), &pieces, vectors).expect("sound");
    let fresh = Arc::new(FakeEmbedder::default());
    let mut ahead = search(fresh.clone(), Some(stored));
    ahead.statements = Arc::new(Lengthy);
    let again = ahead
        .search(&JobOfferId::generate(), "How much holiday is there?", 1)
        .await
        .expect("found");
    assert_eq!(again, facts);
    assert_eq!(fresh.seen.lock().expect("unpoisoned").len(), 1, "only the question");
}

struct Fixed;

#[async_trait]
impl RoleStatements for Fixed {
    async fn of(&self, _: &JobOfferId) -> Result<Vec<(String, String)>, StoreError> {
        Ok(texts())
    }
}

/// Holds one set, in memory.
struct Held(Option<EmbeddingSet>);

#[async_trait]
impl EmbeddingStore for Held {
    async fn put(&self, _: &str, _: &EmbeddingSet, _: DateTime<Utc>) -> Result<(), StoreError> {
        Err(StoreError::Database("read only".to_owned()))
    }

    async fn of(&self, _: &str) -> Result<Option<EmbeddingSet>, StoreError> {
        Ok(self.0.clone())
    }

    async fn remove(&self, _: &str) -> Result<(), StoreError> {
        Err(StoreError::Database("read only".to_owned()))
    }

    async fn models(&self) -> Result<Vec<(EmbeddingModel, u64)>, StoreError> {
        Ok(self.0.iter().map(|set| (set.model().clone(), 1)).collect())
    }
}

fn search(embedder: Arc<dyn TextEmbedder>, held: Option<EmbeddingSet>) -> RoleSearch {
    RoleSearch {
        statements: Arc::new(Fixed),
        embedder,
        vectors: Arc::new(Held(held)),
    }
}

// spec: APP-6, EMMA-3
#[tokio::test]
async fn a_call_uses_the_vectors_there_are_when_they_fit() {
    let question = "How much holiday is there?";
    let stored = set_of(&FakeEmbedder::default()).await;
    let mut other = EmbeddingSet::restore(
        EmbeddingModel {
            name: "other".to_owned(),
            dimension: 1,
        },
        stored.content_hash().to_owned(),
        vec![("title".to_owned(), vec![1.0]), ("benefits[0]".to_owned(), vec![1.0])],
    )
    .expect("sound");
    let mut answers = Vec::new();
    for (held, texts_embedded) in [(None, 3), (Some(stored), 1), (Some(other.clone()), 3)] {
        let embedder = Arc::new(FakeEmbedder::default());
        let facts = search(embedder.clone(), held)
            .search(&JobOfferId::generate(), question, 2)
            .await
            .expect("found");
        assert_eq!(embedder.seen.lock().expect("unpoisoned").len(), texts_embedded);
        assert_eq!(facts[0].field, "benefits[0]");
        answers.push(facts);
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "stored or not, the answer is the same"
    );

    // Of other texts: the offer was changed since.
    other = EmbeddingSet::new(FakeEmbedder::default().model(), &texts()[..1], vec![vec![0.125; 64]]).expect("sound");
    let embedder = Arc::new(FakeEmbedder::default());
    search(embedder.clone(), Some(other))
        .search(&JobOfferId::generate(), question, 2)
        .await
        .expect("found");
    assert_eq!(embedder.seen.lock().expect("unpoisoned").len(), 3);
}

/// Fails, or never answers.
struct Broken {
    hangs: bool,
}

#[async_trait]
impl TextEmbedder for Broken {
    async fn embed(&self, _: &[String], _: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(EmbedError::Unauthorized)
    }

    fn model(&self) -> EmbeddingModel {
        FakeEmbedder::default().model()
    }
}

// spec: EMMA-3
#[tokio::test(start_paused = true)]
async fn a_call_finds_by_words_when_meaning_is_out_of_reach() {
    for hangs in [false, true] {
        let begun = tokio::time::Instant::now();
        let broken = search(Arc::new(Broken { hangs }), None);
        let facts = broken
            .search(&JobOfferId::generate(), "How much holiday is there?", 2)
            .await
            .expect("found");
        assert_eq!(facts[0].field, "benefits[0]");
        assert!(begun.elapsed() < Duration::from_millis(1_200), "somebody waits for it");
    }
}

const DIMENSION: usize = 3;

fn adapter(base_url: &str, key: Option<&str>) -> OpenRouterEmbeddingsAdapter {
    waiting(base_url, key, Duration::from_secs(10))
}

fn waiting(base_url: &str, key: Option<&str>, timeout: Duration) -> OpenRouterEmbeddingsAdapter {
    OpenRouterEmbeddingsAdapter::new(EmbeddingsSettings {
        base_url: base_url.to_owned(),
        model: "somebody/some-model".to_owned(),
        api_key: key.map(|key| key.to_owned().into()),
        dimension: DIMENSION,
        shorten: false,
        timeout,
        retries: 1,
    })
    .expect("an address")
}

async fn serving(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn two() -> Vec<String> {
    vec!["one".to_owned(), "two".to_owned()]
}

async fn embedded(answer: ResponseTemplate) -> (Result<Vec<Vec<f32>>, EmbedError>, usize) {
    let server = serving(answer).await;
    let result = adapter(&format!("{}/v1", server.uri()), None)
        .embed(&two(), TextRole::Passage)
        .await;
    (result, server.received_requests().await.expect("recorded").len())
}

// spec: APP-6
#[tokio::test]
async fn whatever_the_server_says_it_is_asked_three_times() {
    let garbled = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
    let answers = [401, 402, 408, 425, 400, 500].map(ResponseTemplate::new);
    for answer in answers.into_iter().chain([garbled]) {
        let what = format!("{answer:?}");
        let server = serving(answer).await;
        let base = TestDb::open().await;
        let hosted = Arc::new(adapter(&format!("{}/v1", server.uri()), None));
        let app = App::embedding(base, hosted);
        applied(&app).await;
        for _ in 0..3 {
            app.jobs.run_due().await.expect("a queue");
            app.base.clock.turn(TimeDelta::minutes(1));
        }
        let dead = app.jobs.dead_letters().await.expect("readable");
        let dead: Vec<_> = dead.iter().map(|l| (l.subscriber.as_str(), l.attempts)).collect();
        assert_eq!(dead.len(), 2, "{what}: {dead:?}");
        assert!(
            dead.iter()
                .all(|(who, attempts)| who.ends_with("-embeddings") && *attempts == 3),
            "{what}: {dead:?}"
        );
    }
}

// spec: APP-6, OPS-5
#[tokio::test]
async fn a_server_that_asks_for_a_pause_gets_it() {
    let server = serving(ResponseTemplate::new(429).insert_header("retry-after", "90")).await;
    let hosted = Arc::new(adapter(&format!("{}/v1", server.uri()), None));
    let app = App::embedding(TestDb::open().await, hosted);
    applied(&app).await;
    app.jobs.run_due().await.expect("a queue");
    let asked = async || server.received_requests().await.expect("recorded").len();
    assert_eq!(asked().await, 2, "once for each side");
    app.base.clock.turn(TimeDelta::seconds(89));
    app.jobs.run_due().await.expect("a queue");
    assert_eq!(asked().await, 2, "too early");
    app.base.clock.turn(TimeDelta::seconds(5));
    app.jobs.run_due().await.expect("a queue");
    assert_eq!(asked().await, 4);
}

// spec: APP-6
#[tokio::test]
async fn dead_letters_are_listed_page_by_page_and_replayed_by_their_id() {
    let app = App::start().await;
    app.embedder.broken.store(true, Ordering::SeqCst);
    applied(&app).await;
    for _ in 0..3 {
        app.jobs.run_due().await.expect("a queue");
        app.base.clock.turn(TimeDelta::minutes(1));
    }
    // Both failed in the same moment.
    let first = app.get("/api/v1/dead-letters?limit=1").await.json();
    let next = first["next"].as_str().expect("a second page");
    let second = app
        .get(&format!("/api/v1/dead-letters?limit=1&after={next}"))
        .await
        .json();
    let letter = |page: &Value| page["items"][0].clone();
    let mut who: Vec<String> = [&first, &second]
        .map(|page| letter(page)["subscriber"].as_str().expect("a name").to_owned())
        .into();
    who.sort();
    assert_eq!(who, ["generate-candidate-embeddings", "generate-job-offer-embeddings"]);
    assert_eq!(
        (&letter(&first)["event"], &letter(&first)["attempts"]),
        (&json!("JobOfferApplied"), &json!(3))
    );
    assert_eq!(letter(&first)["last_error"], "embedding: the model broke");
    let last = app
        .get(&format!(
            "/api/v1/dead-letters?after={}",
            second["next"].as_str().expect("full")
        ))
        .await;
    assert_eq!(last.json(), json!({ "items": [], "next": null }));
    app.get("/api/v1/dead-letters?after=nonsense")
        .await
        .is_problem(400, "bad-request");

    let replay = format!(
        "/api/v1/dead-letters/{}/replay",
        letter(&first)["id"].as_str().expect("an id")
    );
    app.embedder.broken.store(false, Ordering::SeqCst);
    assert_eq!(app.post(&replay, Value::Null).await.status, 202);
    app.post(&replay, Value::Null)
        .await
        .is_problem(404, "dead-letter-not-found");
    app.post("/api/v1/dead-letters/nonsense/replay", Value::Null)
        .await
        .is_problem(400, "bad-id");
    assert_eq!(app.jobs.run_due().await.expect("a queue"), 1);
    // The place of one that is no dead letter any more is still a place.
    let rest = app.get(&format!("/api/v1/dead-letters?after={next}")).await.json();
    assert_eq!(letter(&rest)["id"], letter(&second)["id"]);
    let none = format!("/api/v1/dead-letters/{}/replay", emma::shared::ids::JobId::generate());
    app.post(&none, Value::Null)
        .await
        .is_problem(404, "dead-letter-not-found");
}

/// A candidate applies.
async fn applied(app: &App) {
    let offer = json!({ "title": "Nurse", "benefits": ["Four weeks of holiday"] });
    let offer = app.post("/api/v1/job-offers", offer).await.json()["id"].clone();
    let new = json!({ "name": "Ana", "username": "ana", "headline": "Nurse" });
    app.post("/api/v1/candidates", new).await;
    let pair = json!({ "username": "ana", "job_offer_id": offer });
    assert_eq!(app.post("/api/v1/applications", pair).await.status, 201);
}

// spec: APP-6, KNOW-4
#[tokio::test]
async fn texts_go_in_batches_and_vectors_come_back_in_order() {
    let server = MockServer::start().await;
    // Answers back to front, and not of length 1.
    let answer = |request: &Request| {
        let body: Value = request.body_json().expect("JSON");
        assert_eq!(
            (&body["model"], &body["encoding_format"]),
            (&json!("somebody/some-model"), &json!("float"))
        );
        assert!(body.get("dimensions").is_none(), "not every server knows it");
        let input = body["input"].as_array().expect("texts").clone();
        let data = input.iter().enumerate().rev().map(|(index, text)| {
            let number: f32 = text.as_str().and_then(|t| t.parse().ok()).unwrap_or(0.0);
            json!({ "object": "embedding", "index": index, "embedding": [number + 1.0, 0.0, 2.0] })
        });
        ResponseTemplate::new(200)
            .set_body_json(json!({ "object": "list", "data": data.collect::<Vec<_>>(), "usage": {} }))
    };
    let mock = Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .and(header("authorization", "Bearer sk-1"));
    mock.respond_with(answer).mount(&server).await;
    let adapter = adapter(&format!("{}/v1/", server.uri()), Some("sk-1"));
    let texts: Vec<String> = (0..130).map(|n| n.to_string()).collect();
    let vectors = adapter.embed(&texts, TextRole::Passage).await.expect("vectors");
    assert_eq!(vectors.len(), 130);
    for (n, vector) in vectors.iter().enumerate() {
        let length = vector.iter().map(|v| v * v).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5);
        assert!((vector[0] / vector[2] * 2.0 - (n as f32 + 1.0)).abs() < 1e-3, "{n}");
    }
    assert_eq!(
        server.received_requests().await.expect("recorded").len(),
        3,
        "64, 64 and 2"
    );
    assert_eq!(
        adapter.embed(&[], TextRole::Query).await.expect("nothing to do"),
        Vec::<Vec<f32>>::new()
    );
}

// spec: APP-6, KNOW-4
#[tokio::test]
async fn vectors_that_are_not_what_was_asked_for_are_refused() {
    let ok = |data: Value| ResponseTemplate::new(200).set_body_json(json!({ "data": data }));
    let at = |index: usize, vector: Value| json!({ "index": index, "embedding": vector });
    let sound = || json!([1.0, 0.0, 0.0]);
    let cases = [
        (
            "of another length",
            ok(json!([at(0, sound()), at(1, json!([1.0, 0.0]))])),
        ),
        ("one is missing", ok(json!([at(0, sound())]))),
        (
            "one too many",
            ok(json!([at(0, sound()), at(1, sound()), at(2, sound())])),
        ),
        ("one twice", ok(json!([at(0, sound()), at(0, sound())]))),
        (
            "no direction",
            ok(json!([at(0, sound()), at(1, json!([0.0, 0.0, 0.0]))])),
        ),
        ("base64", ok(json!([{ "index": 0, "embedding": "AACAPw==" }]))),
        ("null", ok(json!(null))),
        ("a page", ResponseTemplate::new(200).set_body_raw("<html>", "text/html")),
        (
            "cut",
            ResponseTemplate::new(200).set_body_raw(r#"{"data":[{"ind"#, "application/json"),
        ),
        (
            "huge",
            ResponseTemplate::new(200).set_body_raw("x".repeat(200_000), "application/json"),
        ),
    ];
    for (what, answer) in cases {
        let (result, asked) = embedded(answer).await;
        assert!(matches!(result, Err(EmbedError::Malformed(_))), "{what}: {result:?}");
        assert_eq!(asked, 1, "{what}");
        assert!(!result.expect_err("above").is_transient());
    }
}

// spec: APP-6, OPS-5
#[tokio::test]
async fn failures_of_the_server_have_their_kind() {
    let status = ResponseTemplate::new;
    let overloaded = |seconds| EmbedError::Overloaded {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let cases = [
        (status(401), EmbedError::Unauthorized, 1),
        (status(400), EmbedError::Rejected("it answered 400".to_owned()), 1),
        (status(404), EmbedError::Rejected("it answered 404".to_owned()), 1),
        (status(408), EmbedError::TimedOut, 1),
        (status(425), EmbedError::Overloaded { retry_after: None }, 1),
        (status(429).insert_header("retry-after", "90"), overloaded(90), 1),
        (status(429), overloaded(5), 1),
        (status(503), EmbedError::Overloaded { retry_after: None }, 2),
        (status(500), EmbedError::Failed("it answered 500".to_owned()), 2),
    ];
    for (answer, expected, tries) in cases {
        assert_eq!(embedded(answer).await, (Err(expected), tries));
    }
    let slow = serving(status(200).set_delay(Duration::from_secs(30))).await;
    let impatient = waiting(&format!("{}/v1", slow.uri()), None, Duration::from_millis(200));
    assert_eq!(
        impatient.embed(&two(), TextRole::Passage).await,
        Err(EmbedError::TimedOut)
    );
    assert_eq!(slow.received_requests().await.expect("recorded").len(), 2);
    let closed = adapter("http://127.0.0.1:9/v1", None)
        .embed(&two(), TextRole::Passage)
        .await;
    assert_eq!(closed, Err(EmbedError::Failed("it cannot be reached".to_owned())));
}

// spec: APP-6
#[tokio::test]
async fn a_failure_that_passes_costs_a_second_request_only() {
    let good = json!({ "data": [{ "embedding": [1.0, 0.0, 0.0] }, { "embedding": [0.0, 1.0, 0.0] }] });
    let server = serving(ResponseTemplate::new(200).set_body_json(good)).await;
    let once = Mock::given(method("POST")).respond_with(ResponseTemplate::new(500));
    once.up_to_n_times(1).with_priority(1).mount(&server).await;
    let vectors = adapter(&format!("{}/v1", server.uri()), None)
        .embed(&two(), TextRole::Passage)
        .await
        .expect("vectors");
    assert_eq!(
        vectors,
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        "without indexes the order counts"
    );
}
