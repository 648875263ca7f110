//! An application is erased: nothing of the candidate's is left in any file, and nothing comes back.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use emma::screening::analysis::domain::analysis::{AnalysisStore as _, ScreeningAnalysis};
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::calls::domain::call::ScreeningCall;
use emma::screening::calls::domain::coverage::Coverage;
use emma::screening::calls::domain::status::EndReason;
use emma::screening::shared::ids::{ApplicationId, CallId, SegmentId};
use emma::shared::clock::Clock as _;
use emma::shared::embeddings::EmbeddingModel;
use emma::shared::embeddings::set::{EmbeddingSet, EmbeddingStore as _};
use emma::shared::embeddings::store::SqliteEmbeddingStore;
use emma::shared::llm::Purpose;
use emma::shared::llm::cached::{KeptReply, ReplyStore as _};
use emma::shared::llm::replies::SqliteReplies;
use serde_json::{Value, json};

use crate::app::{Answer, App, RECRUITER, TestDb};
use crate::engines::ANSWER;
use crate::fakes::eventually;
use crate::http_api::{Applied, applied_to, interview};
use crate::ws_call::Invited;

/// Words that stand nowhere but in what the candidate brought or said.
const WORDS: [&str; 6] = [
    "Xanthippe",
    "xan@quux.example",
    "xanthi99",
    "Glockenspiel",
    "zeppelin",
    "marzipan",
];

/// Whether these bytes are in any file of the data directory.
fn is_found(dir: &Path, word: &str) -> bool {
    std::fs::read_dir(dir).expect("readable").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_found(&path, word);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(word.len()).any(|part| part == word.as_bytes())
    })
}

fn data_dir(base: &TestDb) -> std::path::PathBuf {
    base.file().parent().expect("a directory").to_owned()
}

async fn erase(app: &App, application: &str) -> Answer {
    let path = format!("/api/v1/applications/{application}");
    app.recruiter(Method::DELETE, &path, None).await
}

/// Somebody with a résumé who applied.
async fn applied() -> Applied {
    let mut at = applied_to(App::start().await).await;
    let candidate = json!({
        "name": "Xanthippe Doe", "email": "xan@quux.example", "username": "xanthi99",
        "headline": "Plays the Glockenspiel", "resume_text": "Flew a zeppelin for ten years.\n".repeat(200)
    });
    // The answer to this one is kept for a day.
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/candidates")
        .header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"))
        .header("idempotency-key", "once")
        .header(header::CONTENT_TYPE, "application/json");
    let made = at
        .app
        .send(request.body(Body::from(candidate.to_string())).expect("valid"))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    made.json()["id"].as_str().expect("an id").clone_into(&mut at.candidate);
    at.application = apply(&at, &at.offer).await;
    at
}

async fn apply(at: &Applied, offer: &str) -> String {
    let body = json!({ "username": "xanthi99", "job_offer_id": offer });
    let made = at.app.post("/api/v1/applications", body).await;
    made.json()["application_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", made.text))
        .to_owned()
}

fn segment(text: &str) -> Value {
    json!({
        "id": SegmentId::generate(), "speaker": "candidate", "text": text, "start_ms": 0, "end_ms": 9000,
        "words": [{ "w": text, "start_ms": 0, "end_ms": 9000, "confidence": 1.0 }],
        "question_id": "q1", "kind": "answer", "interrupted": false, "typed": false, "source_refs": [], "latency": null
    })
}

async fn says(app: &App, call: &str, text: &str) {
    let id = CallId::parse(call).expect("an id");
    let said = serde_json::from_value(segment(text)).expect("a segment");
    app.calls.put_segment(&id, &said).await.expect("stored");
}

/// Holds an interview in which much is said; gives the link's token and the call.
async fn held(at: &Applied) -> (String, String) {
    let token = at.invited().await;
    let given = at.consent(&token, true).await.json();
    let call = given["call_id"].as_str().expect("an id").to_owned();
    for number in 0..60 {
        let text = format!("I built a payments API in Python out of marzipan, {number} times. ");
        says(&at.app, &call, &text.repeat(1 + number % 7)).await;
    }
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    (token, call)
}

async fn count(app: &App, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(app.base.db.reader())
        .await
        .expect("a count")
}

// spec: APP-10
#[tokio::test]
async fn nothing_of_the_candidate_is_left_in_any_file() {
    let at = applied().await;
    let dir = data_dir(&at.app.base);
    let (token, call) = held(&at).await;
    let recording = at.app.base.recordings().join(format!("{call}.ogg"));
    std::fs::create_dir_all(at.app.base.recordings()).expect("made");
    std::fs::write(&recording, "a zeppelin of sound").expect("written");
    for word in WORDS {
        assert!(is_found(&dir, word), "{word} is there before");
    }
    let analysis = format!("/api/v1/applications/{}/analysis", at.application);
    assert!(at.app.get(&analysis).await.text.contains("marzipan"));

    let replies = SqliteReplies {
        db: at.app.base.db.clone(),
        clock: at.app.base.clock.clone(),
        entries: 100,
    };
    let kept = KeptReply {
        text: r#"{"quote":"a trombone"}"#.to_owned(),
        calls: Vec::new(),
        model: None,
    };
    let keep = async |key| {
        replies
            .keep(key, Purpose::Evidence, Some(&call), &kept)
            .await
            .expect("stored");
    };
    keep("early").await;
    assert!(is_found(&dir, "trombone"), "a model's answer is kept");

    let erased = erase(&at.app, &at.application).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT, "{}", erased.text);
    keep("late").await;
    for word in WORDS.into_iter().chain(["trombone"]) {
        assert!(!is_found(&dir, word), "{word} is left");
    }
    assert!(!recording.exists());
    for table in [
        "segments",
        "calls",
        "call_events",
        "analyses",
        "consents",
        "invitations",
        "idempotency_keys",
    ] {
        let sql: &'static str = format!("SELECT count(*) FROM {table}").leak();
        assert_eq!(count(&at.app, sql).await, 0, "{table}");
    }
    let vectors = SqliteEmbeddingStore(at.app.base.db.clone());
    assert!(vectors.of(&at.candidate).await.expect("readable").is_none());
    assert!(
        vectors.of(&at.offer).await.expect("readable").is_some(),
        "the job offer's stay"
    );

    let left = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert_eq!(
        (&left["status"], &left["candidate_id"]),
        (&json!("erased"), &json!(at.candidate))
    );
    at.app.get(&analysis).await.is_problem(410, "application-erased");
    at.app
        .get(&format!("/api/v1/candidates/{}", at.candidate))
        .await
        .is_problem(404, "candidate-not-found");
    for path in ["", "/transcript", "/recording"] {
        let path = format!("/api/v1/calls/{call}{path}");
        at.app.get(&path).await.is_problem(404, "call-not-found");
    }
    interview(&at.app, &token).await.is_problem(404, "invitation-not-found");
    let listed = at.app.get("/api/v1/candidates").await.json();
    assert!(
        listed["items"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|c| c["id"] != at.candidate),
        "{listed}"
    );

    // Again, and by the event that went with it.
    assert_eq!(erase(&at.app, &at.application).await.status, StatusCode::NO_CONTENT);
    at.app.jobs.run_due().await.expect("a queue");
    assert_eq!(
        count(&at.app, "SELECT count(*) FROM outbox WHERE name = 'ApplicationErased'").await,
        1
    );
    assert_eq!(
        count(&at.app, "SELECT count(*) FROM jobs WHERE status = 'dead'").await,
        0
    );
    for word in WORDS {
        assert!(!is_found(&dir, word), "{word} came back");
    }
    let again = json!({ "name": "Xanthippe Doe", "username": "xanthi99" });
    let again = at.app.post("/api/v1/candidates", again).await;
    assert_eq!(again.status, StatusCode::CREATED, "the name is free: {}", again.text);
}

// spec: APP-10
#[tokio::test]
async fn an_interview_that_is_going_on_is_not_erased_and_one_that_is_recorded_is_erased_with_its_sound() {
    let at = Invited::consented_to(true).await;
    let dir = data_dir(&at.app.base);
    let mut client = at.join("").await;
    client.control("listening").await;
    let call = at.call().await;
    let application = call["application_id"].as_str().expect("an id");
    erase(&at.app, application).await.is_problem(409, "conflict");
    client.speak(16_000).await;
    client
        .until(|m| m["type"] == "caption" && m["speaker"] == "candidate" && m["final"] == true)
        .await;
    client.send(&json!({"type": "end"})).await;
    client.control("call_ended").await;
    let path = format!("/api/v1/calls/{}/transcript", call["id"].as_str().expect("text"));
    assert!(
        at.app.get(&path).await.text.contains(ANSWER),
        "the call went on undisturbed"
    );
    assert!(is_found(&dir, ANSWER) && is_found(&dir, "OggS"));
    let erased = erase(&at.app, application).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT, "{}", erased.text);
    assert!(!is_found(&dir, ANSWER) && !is_found(&dir, "OggS"));
}

// spec: APP-10
#[tokio::test]
async fn a_candidate_who_applied_elsewhere_too_stays_until_that_is_erased() {
    let at = applied().await;
    let (_, first_call) = held(&at).await;
    let offer = at.app.get(&format!("/api/v1/job-offers/{}", at.offer)).await.json();
    let other = json!({ "title": "Pilot", "organization": offer["organization"], "requirements": ["A licence"] });
    let other = at.app.post("/api/v1/job-offers", other).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let second = apply(&at, &other).await;
    let elsewhere = Applied {
        app: at.app,
        application: second.clone(),
        candidate: at.candidate.clone(),
        offer: other,
    };
    let (_, second_call) = held(&elsewhere).await;
    let app = &elsewhere.app;

    assert_eq!(erase(app, &at.application).await.status, StatusCode::NO_CONTENT);
    let kept = app.get(&format!("/api/v1/candidates/{}", at.candidate)).await.json();
    assert_eq!(kept["name"], "Xanthippe Doe");
    app.get(&format!("/api/v1/calls/{first_call}"))
        .await
        .is_problem(404, "call-not-found");
    let said = app.get(&format!("/api/v1/calls/{second_call}/transcript")).await;
    assert!(said.text.contains("marzipan"));
    assert_eq!(erase(app, &second).await.status, StatusCode::NO_CONTENT);
    app.get(&format!("/api/v1/candidates/{}", at.candidate))
        .await
        .is_problem(404, "candidate-not-found");
    assert!(WORDS.iter().all(|word| !is_found(&data_dir(&app.base), word)));
}

// spec: APP-10
#[tokio::test]
async fn files_that_cannot_be_deleted_at_once_are_deleted_by_the_next_server() {
    let at = applied().await;
    let (_, call) = held(&at).await;
    let recording = at.app.base.recordings().join(format!("{call}.ogg"));
    // A directory in its place cannot be deleted as a file.
    std::fs::create_dir_all(recording.join("x")).expect("made");
    let erased = erase(&at.app, &at.application).await;
    assert_eq!(erased.status, StatusCode::ACCEPTED, "{}", erased.text);
    at.app
        .get(&format!("/api/v1/calls/{call}"))
        .await
        .is_problem(404, "call-not-found");
    let base = at.app.into_base();
    std::fs::remove_dir_all(&recording).expect("removed");
    std::fs::write(&recording, "marzipan").expect("written");
    let dir = data_dir(&base);
    let app = App::over(base, None);
    app.jobs.run_due().await.expect("a queue");
    assert!(!recording.exists());
    assert!(WORDS.iter().all(|word| !is_found(&dir, word)));
}

// spec: APP-10
#[tokio::test]
async fn a_call_that_waits_is_called_off_and_whoever_is_still_at_work_stores_nothing() {
    let at = applied().await;
    let token = at.invited().await;
    let call = at.consent(&token, true).await.json()["call_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let application = ApplicationId::parse(&at.application).expect("an id");
    let call = CallId::parse(&call).expect("an id");
    assert_eq!(erase(&at.app, &at.application).await.status, StatusCode::NO_CONTENT);
    let (db, now) = (&at.app.base.db, at.app.base.clock.now());

    let late = ScreeningAnalysis::begin(application.clone(), call.clone(), 1, now);
    let analyses = SqliteAnalysisStore(db.clone());
    analyses.put(&late, None).await.expect("not an error");
    assert!(analyses.of_call(&call).await.expect("readable").is_none());
    let model = EmbeddingModel {
        name: "words".to_owned(),
        dimension: 1,
    };
    let texts = [("headline".to_owned(), "x".to_owned())];
    let set = EmbeddingSet::new(model, &texts, vec![vec![1.0]]).expect("a set");
    let vectors = SqliteEmbeddingStore(db.clone());
    vectors.put(&at.candidate, &set, now).await.expect("not an error");
    assert!(vectors.of(&at.candidate).await.expect("readable").is_none());
    let said = serde_json::from_value(segment("marzipan")).expect("a segment");
    assert!(at.app.calls.put_segment(&call, &said).await.is_err());
    let another = ScreeningCall::ready(application, 2, 1, Coverage(Vec::new()), now);
    assert!(at.app.calls.insert(&another).await.is_err());
    let path = format!("/api/v1/applications/{}/invitations", at.application);
    at.app.post(&path, json!({})).await.is_problem(409, "conflict");
    let body = json!({ "candidate_id": at.candidate, "job_offer_id": at.offer });
    at.app
        .post("/api/v1/applications", body)
        .await
        .is_problem(404, "candidate-not-found");
    assert!(!is_found(&data_dir(&at.app.base), "marzipan"));
}

#[tokio::test]
async fn only_recruiters_erase_and_only_what_is_there() {
    let at = applied().await;
    let path = format!("/api/v1/applications/{}", at.application);
    at.app
        .anyone(Method::DELETE, &path, None)
        .await
        .is_problem(401, "unauthorized");
    erase(&at.app, ApplicationId::generate().as_str())
        .await
        .is_problem(404, "application-not-found");
    erase(&at.app, "nonsense").await.is_problem(400, "bad-id");
    assert_eq!(at.app.get(&path).await.json()["status"], "applied");
}

#[tokio::test]
async fn a_database_from_before_forgets_what_it_had_deleted() {
    let base = TestDb::open().await;
    let dir = base.temporary.clone().expect("its own directory");
    let mut write = base.db.write().await.expect("a transaction");
    for statement in ["DROP TABLE erased", "DELETE FROM _sqlx_migrations WHERE version = 14"] {
        sqlx::query(statement).execute(&mut *write).await.expect("changed");
    }
    write.commit().await.expect("changed");
    base.db.close().await;
    let file = format!("sqlite:{}", base.file().display());
    let old = sqlx::SqlitePool::connect(&file).await.expect("opens");
    for statement in [
        "CREATE TABLE old (text TEXT)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO old SELECT 'marzipan ' || i FROM n",
        "DELETE FROM old",
    ] {
        sqlx::query(statement).execute(&old).await.expect("changed");
    }
    old.close().await;
    assert!(is_found(dir.path(), "marzipan"), "a plain deletion leaves it");
    let base = TestDb::reopen(dir.clone()).await;
    eventually("the log is folded in", async || base.db.wipe_deleted().await.is_ok()).await;
    assert!(!is_found(dir.path(), "marzipan"));
}
