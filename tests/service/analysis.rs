//! Finished calls are analysed: waiting, done, failed, withdrawn, and never twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use emma::screening::analysis::application::analyse::AnalysisService;
use emma::screening::analysis::application::score_by_model::ModelScorer;
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::calls::domain::status::EndReason;
use emma::screening::calls::domain::transcript::transcript_sha256;
use emma::screening::shared::ids::{ApplicationId, CallId, SegmentId};
use emma::shared::llm::{ChatEvent, ChatMessage, ChatModel, ChatRequest, FinishReason, LlmError, Purpose, Usage};
use emma::shared::prompts::Prompts;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::{Answer, App};
use crate::http_api::{Applied, applied_to};

const QUOTE: &str = "I built the payments ledger service in Python and reduced its errors by half.";

/// A call in which the candidate gave one long answer to the first question.
async fn answered(at: &Applied) -> String {
    let token = at.invited().await;
    says(at, &token, QUOTE).await;
    token
}

/// Enters the call, or the next attempt, and says this there.
async fn says(at: &Applied, token: &str, text: &str) -> CallId {
    let given = at.consent(token, true).await;
    assert!(given.status.is_success(), "{}", given.text);
    let call = CallId::parse(given.json()["call_id"].as_str().expect("an id")).expect("an id");
    let said = json!({
        "id": SegmentId::generate(), "speaker": "candidate", "text": text, "start_ms": 0, "end_ms": 9000, "words": [],
        "question_id": "q1", "kind": "answer", "interrupted": false, "typed": false, "source_refs": [], "latency": null
    });
    let said = serde_json::from_value(said).expect("a segment");
    at.app.calls.put_segment(&call, &said).await.expect("stored");
    call
}

async fn analysis(at: &Applied) -> Answer {
    at.app
        .get(&format!("/api/v1/applications/{}/analysis", at.application))
        .await
}

async fn completed_events(at: &Applied) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM outbox WHERE name = 'AnalysisCompleted'")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("a count")
}

fn quotes(body: &Value) -> usize {
    body.to_string().matches("payments ledger").count()
}

// spec: ANA-4, ANA-5
#[tokio::test]
async fn an_analysis_is_waited_for_made_once_and_made_again_without_harm() {
    let at = applied_to(App::start().await).await;
    let nobody = format!("/api/v1/applications/{}/analysis", ApplicationId::generate());
    at.app.get(&nobody).await.is_problem(404, "application-not-found");
    let waiting = analysis(&at).await;
    assert_eq!(waiting.status, StatusCode::ACCEPTED);
    assert_eq!(
        (&waiting.json()["status"], &waiting.json()["fit_score"]),
        (&json!("pending"), &Value::Null)
    );

    answered(&at).await;
    assert_eq!(analysis(&at).await.status, StatusCode::ACCEPTED, "the call is not over");
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    let done = analysis(&at).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let body = done.json();
    assert!(["completed", "insufficient_evidence"].contains(&body["status"].as_str().expect("a word")));
    assert!(body["skills"].is_array() && quotes(&body) > 0, "{body}");
    assert_eq!(completed_events(&at).await, 1);

    let list = at.app.get("/api/v1/applications").await.json();
    assert_eq!(list["items"][0]["analysis_status"], body["status"]);
    assert_eq!(list["items"][0]["fit_score"], body["fit_score"]);
    assert_eq!(list["items"][0]["recommendation"], body["assessment"]["recommendation"]);
}

// spec: ANA-4, ANA-5
#[tokio::test]
async fn a_redelivered_call_is_announced_once() {
    let at = applied_to(App::start().await).await;
    answered(&at).await;
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    let before = analysis(&at).await.json();
    let mut write = at.app.base.db.write().await.expect("a transaction");
    let again = sqlx::query(
        "UPDATE jobs SET status = 'pending', attempts = 0, run_at = 0, finished_at = NULL
         WHERE subscriber = 'analyse-call'",
    )
    .execute(&mut *write)
    .await
    .expect("changed");
    write.commit().await.expect("changed");
    assert_eq!(again.rows_affected(), 1);
    assert!(
        at.app.jobs.run_due().await.expect("a queue") >= 1,
        "it was delivered again"
    );
    assert_eq!(completed_events(&at).await, 1);
    assert_eq!(analysis(&at).await.json()["analysis_id"], before["analysis_id"]);
}

// spec: ANA-4
#[tokio::test]
async fn an_analysis_that_fails_is_a_state_and_can_still_succeed() {
    let at = applied_to(App::start().await).await;
    answered(&at).await;
    at.app.embedder.broken.store(true, Ordering::SeqCst);
    at.end_call(EndReason::AgendaCompleted).await;
    for _ in 0..2 {
        at.app.jobs.run_due().await.expect("a queue");
        let running = analysis(&at).await;
        assert_eq!(
            (running.status, &running.json()["status"]),
            (StatusCode::ACCEPTED, &json!("running")),
            "it is tried again"
        );
        at.app.base.clock.turn(TimeDelta::minutes(5));
    }
    at.app.jobs.run_due().await.expect("a queue");
    let failed = analysis(&at).await;
    assert_eq!(
        (failed.status, &failed.json()["status"]),
        (StatusCode::OK, &json!("failed"))
    );
    assert!(failed.json()["problem"].as_str().expect("a reason").contains("broke"));
    assert_eq!(completed_events(&at).await, 0);
    at.app.embedder.broken.store(false, Ordering::SeqCst);
    replay(&at).await;
    assert_ne!(analysis(&at).await.json()["status"], "failed");
    assert_eq!(completed_events(&at).await, 1);
}

/// Gives the analysis of the only dead letter its tries again.
async fn replay(at: &Applied) {
    let dead = at.app.jobs.dead_letters().await.expect("a queue");
    let letter = dead.iter().find(|d| d.subscriber == "analyse-call");
    assert!(
        at.app
            .jobs
            .replay(&letter.expect("a dead letter").id)
            .await
            .expect("a queue")
    );
    at.app.jobs.run_due().await.expect("a queue");
}

// spec: ANA-4
#[tokio::test]
async fn an_analysis_that_panics_fails_and_made_up_for_late_it_does_not_replace_the_next_attempt() {
    let at = applied_to(App::start().await).await;
    let token = answered(&at).await;
    at.app.jobs.run_due().await.expect("a queue");
    at.app.embedder.panics.store(true, Ordering::SeqCst);
    at.end_call(EndReason::DisconnectTimeout).await;
    for _ in 0..3 {
        assert_eq!(analysis(&at).await.status, StatusCode::ACCEPTED);
        at.app.jobs.run_due().await.expect("a queue");
        at.app.base.clock.turn(TimeDelta::minutes(5));
    }
    let failed = analysis(&at).await;
    assert_eq!(
        (failed.status, &failed.json()["status"]),
        (StatusCode::OK, &json!("failed"))
    );
    assert!(
        failed.json()["problem"]
            .as_str()
            .expect("a reason")
            .contains("panicked")
    );

    at.app.embedder.panics.store(false, Ordering::SeqCst);
    let second = says(&at, &token, QUOTE).await;
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    let done = analysis(&at).await.json();
    assert_eq!(done["call_id"], json!(second));
    at.app.base.clock.turn(TimeDelta::minutes(5));
    replay(&at).await;
    assert_eq!(completed_events(&at).await, 2, "the first attempt was analysed too");
    assert_eq!(analysis(&at).await.json(), done);
    let list = at.app.get("/api/v1/applications").await.json();
    assert_eq!(list["items"][0]["fit_score"], done["fit_score"]);
}

// spec: ANA-4
#[tokio::test]
async fn while_the_next_attempt_is_analysed_the_result_before_it_is_not_given_as_its() {
    let at = applied_to(App::start().await).await;
    let token = answered(&at).await;
    at.end_call(EndReason::DisconnectTimeout).await;
    at.app.jobs.run_due().await.expect("a queue");
    assert_eq!(analysis(&at).await.status, StatusCode::OK);
    let second = says(&at, &token, QUOTE).await;
    at.app.embedder.broken.store(true, Ordering::SeqCst);
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    let running = analysis(&at).await;
    assert_eq!(running.status, StatusCode::ACCEPTED);
    assert_eq!(
        (&running.json()["status"], &running.json()["call_id"]),
        (&json!("running"), &json!(second))
    );
    at.app.embedder.broken.store(false, Ordering::SeqCst);
    at.app.base.clock.turn(TimeDelta::minutes(5));
    at.app.jobs.run_due().await.expect("a queue");
    let done = analysis(&at).await;
    assert_eq!((done.status, &done.json()["call_id"]), (StatusCode::OK, &json!(second)));
}

// spec: ANA-1, ANA-3, CALL-7
#[tokio::test]
async fn an_interview_that_broke_off_is_assessed_with_what_was_said_before() {
    let at = applied_to(App::start().await).await;
    let token = at.invited().await;
    let first = says(&at, &token, QUOTE).await;
    at.end_call(EndReason::DisconnectTimeout).await;
    at.app.jobs.run_due().await.expect("a queue");
    let alone = analysis(&at).await.json();
    assert_eq!(alone["assessment"]["calls"], json!([first]));

    at.app.base.clock.turn(TimeDelta::minutes(10));
    let rest = "I tuned the slow queries of our PostgreSQL database and measured them before and after.";
    let second = says(&at, &token, rest).await;
    assert_ne!(first, second);
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    let body = analysis(&at).await.json();
    assert_eq!(body["call_id"], json!(second));
    let found = &body["assessment"];
    assert_eq!(found["calls"], json!([first, second]));
    let quoted = |call: &CallId, quote: &str| {
        let all = found["criteria"].as_array().expect("a list").iter();
        all.flat_map(|criterion| criterion["evidence"].as_array().expect("a list"))
            .any(|e| e["call_id"] == json!(call) && e["quote"] == quote)
    };
    assert!(quoted(&first, QUOTE), "{found}");
    assert!(quoted(&second, rest), "{found}");
    assert!(found["coverage"].as_f64() > alone["assessment"]["coverage"].as_f64());
    let mut all = at.app.calls.transcript(&first).await.expect("stored");
    all.extend(at.app.calls.transcript(&second).await.expect("stored"));
    assert_eq!(found["transcript_sha256"], transcript_sha256(&all));
}

// spec: CALL-5
#[tokio::test]
async fn consent_withdrawn_after_the_analysis_deletes_the_analysis_too() {
    let at = applied_to(App::start().await).await;
    let token = answered(&at).await;
    at.end_call(EndReason::AgendaCompleted).await;
    at.app.jobs.run_due().await.expect("a queue");
    assert!(quotes(&analysis(&at).await.json()) > 0);
    let path = format!("/api/v1/interviews/{token}/consent");
    assert_eq!(
        at.app.anyone(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    at.app.jobs.run_due().await.expect("a queue");
    let gone = analysis(&at).await;
    assert_eq!(
        (gone.status, &gone.json()["status"]),
        (StatusCode::OK, &json!("withdrawn"))
    );
    assert_eq!((quotes(&gone.json()), &gone.json()["fit_score"]), (0, &Value::Null));
    let stored: String = sqlx::query_scalar("SELECT body FROM analyses")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("a row");
    assert!(!stored.contains("ledger"), "{stored}");
    let list = at.app.get("/api/v1/applications").await.json();
    assert_eq!(list["items"][0]["fit_score"], Value::Null);

    // What was delivered late, or again, brings nothing back.
    let mut write = at.app.base.db.write().await.expect("a transaction");
    sqlx::query("UPDATE jobs SET status = 'pending', attempts = 0, run_at = 0, finished_at = NULL")
        .execute(&mut *write)
        .await
        .expect("changed");
    write.commit().await.expect("changed");
    at.app.jobs.run_due().await.expect("a queue");
    assert_eq!(analysis(&at).await.json()["status"], "withdrawn");
}

// spec: CALL-5
#[tokio::test]
async fn consent_withdrawn_inside_a_call_covers_the_attempts_before_it() {
    let at = applied_to(App::start().await).await;
    let token = answered(&at).await;
    at.end_call(EndReason::DisconnectTimeout).await;
    at.app.jobs.run_due().await.expect("a queue");
    assert!(quotes(&analysis(&at).await.json()) > 0);
    let before = at.consent(&token, true).await;
    assert_eq!(before.status, StatusCode::OK, "{}", before.text);
    // As the button in the page and the words to Emma do.
    at.end_call(EndReason::ConsentWithdrawn).await;
    at.app.jobs.run_due().await.expect("a queue");
    let calls = at
        .app
        .get(&format!("/api/v1/applications/{}/calls", at.application))
        .await
        .json();
    for call in calls["items"].as_array().expect("a list") {
        let id = call["id"].as_str().expect("an id");
        let transcript = at.app.get(&format!("/api/v1/calls/{id}/transcript")).await.json();
        assert_eq!(transcript["segments"], json!([]), "{call}");
    }
    let stored: Vec<String> = sqlx::query_scalar("SELECT body FROM analyses")
        .fetch_all(at.app.base.db.reader())
        .await
        .expect("rows");
    assert!(stored.iter().all(|body| !body.contains("ledger")), "{stored:?}");
    let application = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert!(application["consent"]["withdrawn_at"].is_string());
}

// spec: CALL-5
#[tokio::test]
async fn consent_given_anew_is_not_touched_by_the_withdrawal_before_it() {
    let at = applied_to(App::start().await).await;
    let token = answered(&at).await;
    at.end_call(EndReason::DisconnectTimeout).await;
    let path = format!("/api/v1/interviews/{token}/consent");
    at.app.anyone(Method::DELETE, &path, None).await;
    at.app.base.clock.turn(TimeDelta::minutes(1));
    let again = at.consent(&token, true).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    let call = again.json()["call_id"].as_str().expect("an id").to_owned();
    at.app.jobs.run_due().await.expect("a queue");
    let call = at.app.get(&format!("/api/v1/calls/{call}")).await.json();
    assert_eq!(call["status"], "ready");
    let application = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert_eq!(application["consent"]["withdrawn_at"], Value::Null);
}

/// Finds the one quotation in every call, or fails.
struct OneQuote {
    fails: bool,
}

#[async_trait]
impl ChatModel for OneQuote {
    async fn stream(&self, request: ChatRequest) -> Result<mpsc::Receiver<Result<ChatEvent, LlmError>>, LlmError> {
        if self.fails {
            return Err(LlmError::Unavailable("down".to_owned()));
        }
        let ChatMessage::User(data) = &request.messages[1] else {
            return Err(LlmError::Rejected("no data".to_owned()));
        };
        let ids: Vec<&str> = data
            .lines()
            .filter_map(|line| line.trim_start_matches("<data kind=\"criteria\">").split_once(": "))
            .map(|(id, _)| id.trim_start_matches("<data kind=\"criteria and quotations\">"))
            .map(|id| id.trim_start_matches("criterion "))
            .collect();
        let quote = |id: &&str| json!({ "criterion": id, "statement": 1, "quote": QUOTE, "polarity": "+" });
        let level = |id: &&str| json!({ "id": id, "level": "4" });
        let answer = match request.purpose {
            Purpose::Evidence => json!({ "evidence": ids.iter().map(quote).collect::<Vec<_>>() }),
            _ => json!({ "criteria": ids.iter().map(level).collect::<Vec<_>>() }),
        };
        let (sender, receiver) = mpsc::channel(64);
        let reason = FinishReason::Stop;
        let usage = Usage::default();
        for event in [
            ChatEvent::Text(answer.to_string()),
            ChatEvent::Finished { reason, usage },
        ] {
            sender.send(Ok(event)).await.map_err(|_| LlmError::TimedOut)?;
        }
        Ok(receiver)
    }

    fn model(&self) -> &'static str {
        "one-quote"
    }
}

async fn scored_by(fails: bool) -> Value {
    let at = applied_to(App::start().await).await;
    answered(&at).await;
    at.end_call(EndReason::AgendaCompleted).await;
    let service = AnalysisService {
        calls: at.app.calls.clone(),
        interviews: at.app.service.clone(),
        analyses: Arc::new(SqliteAnalysisStore(at.app.base.db.clone())),
        embedder: at.app.embedder.clone(),
        model: Some(ModelScorer {
            model: Arc::new(OneQuote { fails }),
            prompts: Arc::new(Prompts::load(None).expect("prompts")),
            runs: 3,
        }),
        clock: at.app.base.clock.clone(),
    };
    let data: String = sqlx::query_scalar("SELECT data FROM outbox WHERE name = 'CallFinished'")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("an event");
    let finished = serde_json::from_str(&data).expect("an event");
    service.analyse(&finished).await.expect("analysed");
    analysis(&at).await.json()
}

// spec: ANA-1, ANA-8
#[tokio::test]
async fn a_language_model_scores_where_there_is_one_and_the_rules_when_it_fails() {
    let by_model = scored_by(false).await;
    let version = by_model["assessment"]["scorer_version"]
        .as_str()
        .expect("a version")
        .to_owned();
    assert_eq!(version, "model-2 one-quote evidence.v1 scoring.v2");
    assert_eq!(by_model["fit_score"], 75, "{by_model}");
    assert_eq!(by_model["assessment"]["criteria"][0]["runs"]["n"], 3);
    let by_rules = scored_by(true).await;
    assert_eq!(by_rules["assessment"]["scorer_version"], "deterministic-3+fallback");
    assert!(quotes(&by_rules) > 0);
}
