//! Live calls on the whole service: candidates connect, drop, come back, hand over; recruiters call off; servers die.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use emma::screening::applications::application::invite::LinkTerms;
use emma::screening::calls::application::interviewing::{EarlyNews, Interviewer, Talk};
use emma::screening::calls::domain::audio::{EAR_FRAME, VAD_FRAME};
use emma::screening::calls::domain::call::ScreeningCall;
use emma::screening::calls::domain::conversation::ReplyRequest;
use emma::screening::calls::domain::coverage::Coverage;
use emma::screening::calls::domain::interviewer::Reply;
use emma::screening::calls::domain::ports::{MediaEvent, SpeechError, VoiceActivity, VoiceStream};
use emma::screening::calls::domain::status::{CallStatus, EndReason};
use emma::screening::shared::ids::{ApplicationId, CallId, JobOfferId};
use emma::shared::clock::Clock as _;
use serde_json::{Value, json};

use crate::app::{Answer, App, TestDb};
use crate::engines::{Pace, engines};
use crate::fakes::{Caller, eventually};
use crate::http_api::{Applied, applied_to, consent, interview};

const OFFER: &str = include_str!("../data/sdp/chrome.sdp");

/// An interview whose candidate has consented.
struct Interview {
    at: Applied,
    token: String,
    call: String,
}

async fn interview_on(app: App) -> Interview {
    let at = applied_to(app).await;
    let token = at.invited().await;
    let given = at.consent(&token, true).await.json();
    let call = given["call_id"].as_str().expect("an id").to_owned();
    Interview { at, token, call }
}

async fn offer(app: &App, token: &str, query: &str, sdp: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1/interviews/{token}/offer{query}"))
        .header(header::CONTENT_TYPE, "application/sdp");
    app.send(request.body(Body::from(sdp.to_owned())).expect("a request"))
        .await
}

impl Interview {
    async fn joins(&self, query: &str) -> Caller {
        let answer = offer(&self.at.app, &self.token, query, OFFER).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let caller = self.at.app.media.caller();
        caller.connects().await;
        caller
    }

    /// Joins, is greeted, and hears the first question.
    async fn begins(&self) -> Caller {
        let mut caller = self.joins("").await;
        caller.hears_emma_say("Are you ready to begin?").await;
        caller.hears_listening().await;
        caller.types("Yes, I am ready.").await;
        caller
            .hears("the first topic", |m| m["type"] == "progress" && m["topic"] == 1)
            .await;
        caller.hears_listening().await;
        caller
    }

    async fn call(&self) -> Value {
        self.at.app.get(&format!("/api/v1/calls/{}", self.call)).await.json()
    }

    async fn has_status(&self, status: &str) {
        eventually(status, async || self.call().await["status"] == status).await;
    }

    async fn finished_events(&self) -> i64 {
        finished_events(&self.at.app.base, &self.call).await
    }
}

async fn finished_events(base: &TestDb, call: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM outbox WHERE name = 'CallFinished' AND subject = $1")
        .bind(call)
        .fetch_one(base.db.reader())
        .await
        .expect("a count")
}

// spec: CALL-2
#[tokio::test]
async fn a_second_connection_is_refused_and_the_first_is_not_disturbed() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    offer(&held.at.app, &held.token, "", OFFER)
        .await
        .is_problem(409, "call-already-live");
    assert!(!caller.is_closed());
    caller.sends(json!({ "type": "ping" })).await;
    caller.hears("pong", |m| m["type"] == "pong").await;
    assert_eq!(held.call().await["status"], "in_progress");
}

// spec: CALL-2, CALL-3
#[tokio::test]
async fn a_connection_that_was_interrupted_and_is_back_holds_the_call_again() {
    let held = interview_on(App::live().await).await;
    let caller = held.begins().await;
    caller.events.send(MediaEvent::Interrupted).await.expect("a session");
    held.has_status("reconnecting").await;
    caller.connects().await;
    held.has_status("in_progress").await;
    offer(&held.at.app, &held.token, "", OFFER)
        .await
        .is_problem(409, "call-already-live");
    assert!(!caller.is_closed());
}

// spec: CALL-3
#[tokio::test]
async fn a_new_connection_of_the_candidate_keeps_the_call() {
    let held = interview_on(App::live().await).await;
    let first = held.begins().await;
    let mut second = held.joins("?resume=1").await;
    let old = second
        .hears("what was said", |m| {
            m["type"] == "caption" && m["text"] == "Yes, I am ready."
        })
        .await;
    assert_eq!(old["final"], true);
    let topic = second
        .hears("where the interview stands", |m| m["type"] == "progress")
        .await;
    assert_eq!(topic["topic"], 1);
    assert!(first.is_closed());
    second.hears_listening().await;
    second.types("I built the payments API in Python.").await;
    second.hears("thinking", |m| m["state"] == "speaking").await;
    let call = held.call().await;
    assert_eq!((&call["status"], &call["attempt"]), (&json!("in_progress"), &json!(1)));
}

// spec: CALL-7, CALL-8
#[test]
fn a_killed_server_takes_its_calls_up_again_and_each_ends_once() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
    };
    // The first server: the candidate has said something when it is killed with all its tasks.
    let first = runtime();
    let (dir, token, call) = first.block_on(async {
        let base = TestDb::open().await;
        let dir = base.temporary.clone().expect("its own directory");
        let held = interview_on(App::over(base, Some(engines(Pace::Typed)))).await;
        let mut caller = held.begins().await;
        caller
            .types("I built the payments API in Python and halved its errors.")
            .await;
        caller.hears("an answer", |m| m["type"] == "turn").await;
        held.has_status("in_progress").await;
        (dir, held.token, held.call)
    });
    first.shutdown_background();

    let second = runtime();
    second.block_on(async {
        let app = App::over(TestDb::reopen(dir).await, Some(engines(Pace::Typed)));
        app.interviews.recover().await.expect("calls can be read");
        let id = CallId::parse(&call).expect("an id");
        let found = app.calls.find(&id).await.expect("stored").expect("there");
        assert_eq!(found.status(), CallStatus::Reconnecting);
        assert_eq!(interview(&app, &token).await.json()["status"], "reconnecting");

        assert_eq!(
            offer(&app, &token, "?resume=1", OFFER).await.status,
            StatusCode::CREATED
        );
        let mut caller = app.media.caller();
        caller.connects().await;
        caller
            .hears("what was said before", |m| {
                m["type"] == "caption" && m["text"].as_str().unwrap_or("").contains("halved its errors")
            })
            .await;
        caller.hears("where it stands", |m| m["type"] == "progress").await;
        let greeted = |m: &Value| m["type"] == "caption" && m["final"] == true && m["speaker"] == "emma";
        let welcome = caller.hears("the welcome", |m| greeted(m) && m["text"] != "").await;
        assert!(welcome["text"].is_string());
        caller.hears_listening().await;
        caller.sends(json!({ "type": "end" })).await;
        let end = caller.hears_the_end().await;
        assert_eq!(end["end_reason"], "candidate_ended");
        assert_eq!(finished_events(&app.base, &call).await, 1);
        // Nothing is left to take up, and nothing is published again.
        app.interviews.recover().await.expect("calls can be read");
        assert_eq!(finished_events(&app.base, &call).await, 1);
    });
}

// spec: CALL-7, CALL-8
#[tokio::test]
async fn a_call_that_nobody_comes_back_to_after_a_restart_ends_once() {
    let held = interview_on(App::live().await).await;
    let id = CallId::parse(&held.call).expect("an id");
    let mut call = held.at.app.calls.find(&id).await.expect("stored").expect("there");
    call.start(held.at.app.base.clock.now()).expect("ready");
    held.at.app.calls.save(&call).await.expect("stored");
    let Interview { at, token, call, .. } = held;
    let Applied { app, .. } = at;
    let mut engines = engines(Pace::Typed);
    engines.reconnect_grace = Duration::from_millis(1);
    let app = App::over(app.into_base(), Some(engines));
    app.interviews.recover().await.expect("calls can be read");
    let status = async || app.get(&format!("/api/v1/calls/{call}")).await.json();
    eventually("abandoned", async || status().await["status"] == "abandoned").await;
    assert_eq!(status().await["end_reason"], "disconnect_timeout");
    assert_eq!(finished_events(&app.base, &call).await, 1);
    assert_eq!(
        interview(&app, &token).await.json()["status"],
        "ready",
        "another attempt is open"
    );
}

// spec: CALL-7
#[tokio::test]
async fn one_stored_call_that_cannot_be_read_keeps_no_other_from_being_taken_up() {
    let app = App::live().await;
    let live = async || {
        let mut call = ScreeningCall::ready(
            ApplicationId::generate(),
            1,
            1,
            Coverage(Vec::new()),
            app.base.clock.now(),
        );
        app.calls.insert(&call).await.expect("new");
        call.start(app.base.clock.now()).expect("ready");
        app.calls.save(&call).await.expect("open");
        call
    };
    let (damaged, other) = (live().await, live().await);
    let mut write = app.base.db.write().await.expect("a transaction");
    sqlx::query("UPDATE calls SET coverage = '{' WHERE id = $1")
        .bind(damaged.id.as_str())
        .execute(&mut *write)
        .await
        .expect("changed");
    write.commit().await.expect("stored");
    app.interviews.expire_unjoined().await.expect("calls can be read");
    app.interviews.recover().await.expect("calls can be read");
    let found = app.calls.find(&other.id).await.expect("readable").expect("stored");
    assert_eq!(
        (found.status(), found.end_reason()),
        (CallStatus::Failed, Some(EndReason::SystemError)),
        "there is no plan to go on with"
    );
}

/// Breaks over the first frame it hears, as a bug in the session's own task would.
#[derive(Clone, Default)]
struct Breaking(Arc<AtomicBool>);

impl VoiceActivity for Breaking {
    fn open(&self) -> Box<dyn VoiceStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl VoiceStream for Breaking {
    async fn score(&mut self, _: &[f32; VAD_FRAME]) -> Result<f32, SpeechError> {
        assert!(self.0.swap(true, Ordering::SeqCst), "a bug");
        Ok(0.0)
    }
}

// spec: CALL-7
#[tokio::test]
async fn a_call_whose_session_breaks_is_taken_up_and_the_candidate_comes_back_into_it() {
    let mut engines = engines(Pace::Typed);
    engines.voice_activity = Arc::new(Breaking::default());
    let held = interview_on(App::over(TestDb::open().await, Some(engines))).await;
    let caller = held.begins().await;
    for _ in 0..2 {
        let pcm = Box::new([0.0; EAR_FRAME]);
        let audio = MediaEvent::Audio { pcm, received: true };
        // The session may be gone by the second one.
        let _ = caller.events.send(audio).await;
    }
    eventually("the session is gone", async || held.at.app.interviews.is_idle()).await;
    assert_eq!(held.call().await["status"], "in_progress", "nobody told the store");
    held.at.app.interviews.recover().await.expect("calls can be read");
    held.has_status("reconnecting").await;
    let mut caller = held.joins("").await;
    caller
        .hears("what was said", |m| {
            m["type"] == "caption" && m["text"] == "Yes, I am ready."
        })
        .await;
    held.has_status("in_progress").await;
}

/// Notes what of the talk an interviewer is told.
struct Noting {
    inner: Arc<dyn Interviewer>,
    told: Mutex<Vec<String>>,
}

#[async_trait]
impl Interviewer for Noting {
    async fn reply(&self, talk: &Talk, request: &ReplyRequest, early: &EarlyNews) -> Reply {
        let lines: Vec<&str> = request.dialogue.recent(24).map(|line| line.text.as_str()).collect();
        self.told.lock().expect("unpoisoned").push(lines.join("\n"));
        self.inner.reply(talk, request, early).await
    }

    fn without_help(&self, talk: &Talk, request: &ReplyRequest) -> Reply {
        self.inner.without_help(talk, request)
    }
}

// spec: CALL-7, EMMA-9
#[tokio::test]
async fn a_new_attempt_knows_what_was_said_in_the_one_before() {
    let mut engines = engines(Pace::Typed);
    let noting = Arc::new(Noting {
        inner: engines.interviewer.clone(),
        told: Mutex::default(),
    });
    engines.interviewer = noting.clone();
    let held = interview_on(App::over(TestDb::open().await, Some(engines))).await;
    let mut caller = held.begins().await;
    caller
        .types("I built the payments API in Python and halved its errors.")
        .await;
    caller.hears("an answer", |m| m["type"] == "turn").await;
    let app = &held.at.app;
    let id = CallId::parse(&held.call).expect("an id");
    let first = app.calls.find(&id).await.expect("stored").expect("there");
    let ended = app.interviews.end(&first.application_id, EndReason::DisconnectTimeout);
    assert!(ended.await.expect("stored"));
    caller.hears_the_end().await;
    eventually("the first call is over", async || {
        !app.interviews.is_occupied(&first.application_id)
    })
    .await;

    let given = held.at.consent(&held.token, true).await.json();
    assert_ne!(given["call_id"], held.call.as_str());
    noting.told.lock().expect("unpoisoned").clear();
    let caller = held.joins("").await;
    eventually("the interviewer is asked", async || {
        let told = noting.told.lock().expect("unpoisoned").clone();
        told.first().is_some_and(|talk| talk.contains("halved its errors"))
    })
    .await;
    drop(caller);
}

// spec: CALL-7, APP-7
#[tokio::test]
async fn a_new_attempt_keeps_the_plan_of_the_one_that_broke() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    caller
        .types("I built the payments API in Python and halved its errors.")
        .await;
    caller.hears("an answer", |m| m["type"] == "turn").await;
    let app = &held.at.app;
    let before = interview(app, &held.token).await.json();
    let id = CallId::parse(&held.call).expect("an id");
    let first = app.calls.find(&id).await.expect("stored").expect("there");
    let ended = app.interviews.end(&first.application_id, EndReason::DisconnectTimeout);
    assert!(ended.await.expect("stored"));
    caller.hears_the_end().await;
    eventually("the first call is over", async || {
        !app.interviews.is_occupied(&first.application_id)
    })
    .await;
    let broken = app.calls.find(&id).await.expect("stored").expect("there");
    let asked = broken.coverage.summary().asked;
    assert!(asked > 0, "{:?}", broken.coverage);

    let path = format!("/api/v1/job-offers/{}/plan", held.at.offer);
    let mut plan = app.get(&path).await.json();
    let questions = plan["questions"].as_array_mut().expect("a list");
    questions[0]["text"] = json!("What did you do last year?");
    let last = questions.last_mut().expect("a question");
    last["text"] = json!("When could you begin, if it works out?");
    let edited = app.recruiter(Method::PUT, &path, Some(plan)).await;
    assert_eq!(edited.status, StatusCode::OK, "{}", edited.text);

    let given = held.at.consent(&held.token, true).await.json();
    let second = CallId::parse(given["call_id"].as_str().expect("an id")).expect("an id");
    assert_ne!(second, id);
    let second = app.calls.find(&second).await.expect("stored").expect("there");
    assert_eq!((second.attempt, second.plan_version), (2, first.plan_version));
    assert_eq!(second.coverage, broken.coverage);
    let shown = interview(app, &held.token).await.json();
    assert_eq!(shown["topics"], before["topics"]);
    assert_eq!(
        app.service.enter(&held.token).await.expect("a call").plan.version,
        first.plan_version
    );
}

// spec: CALL-4
#[tokio::test]
async fn a_recruiter_calls_a_running_interview_off_and_the_candidate_hears_why() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    let path = format!("/api/v1/calls/{}/cancel", held.call);
    let anyone = held.at.app.anyone(Method::POST, &path, None).await;
    anyone.is_problem(401, "unauthorized");
    let answer = held.at.app.recruiter(Method::POST, &path, None).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    // Nothing the candidate does keeps the call alive or cuts the goodbye short.
    caller.types("Wait, I have not finished!").await;
    caller.sends(json!({ "type": "repeat" })).await;
    caller.hears_emma_say("called this interview off").await;
    caller.hears_emma_say("goodbye").await;
    let end = caller.hears_the_end().await;
    assert_eq!(
        (&end["end_reason"], &end["status"]),
        (&json!("recruiter_cancelled"), &json!("cancelled"))
    );
    assert_eq!(held.finished_events().await, 1);
    held.at
        .app
        .recruiter(Method::POST, &path, None)
        .await
        .is_problem(409, "conflict");
    assert_eq!(
        interview(&held.at.app, &held.token).await.json()["end_reason"],
        "recruiter_cancelled"
    );
    let nobody = format!("/api/v1/calls/{}/cancel", CallId::generate());
    held.at
        .app
        .recruiter(Method::POST, &nobody, None)
        .await
        .is_problem(404, "call-not-found");
}

// spec: CALL-4
#[tokio::test]
async fn an_interview_that_waits_for_its_candidate_is_called_off_at_once() {
    let held = interview_on(App::start().await).await;
    let path = format!("/api/v1/calls/{}/cancel", held.call);
    let answer = held.at.app.recruiter(Method::POST, &path, None).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let call = held.call().await;
    assert_eq!(
        (&call["status"], &call["end_reason"]),
        (&json!("cancelled"), &json!("recruiter_cancelled"))
    );
    offer(&held.at.app, &held.token, "", OFFER)
        .await
        .is_problem(410, "invitation-used");
}

// spec: CALL-4
#[tokio::test]
async fn a_call_nobody_joins_expires_with_its_link_and_a_later_link_opens_it_anew() {
    let held = interview_on(App::start().await).await;
    let app = &held.at.app;
    app.base.clock.turn(TimeDelta::hours(99));
    app.interviews.expire_unjoined().await.expect("calls can be read");
    assert_eq!(held.call().await["status"], "ready", "the link still works");
    app.base.clock.turn(TimeDelta::hours(2));
    app.interviews.expire_unjoined().await.expect("calls can be read");
    let call = held.call().await;
    assert_eq!(
        (&call["status"], &call["end_reason"]),
        (&json!("expired"), &json!("invite_expired"))
    );
    app.interviews.expire_unjoined().await.expect("calls can be read");
    assert_eq!(held.finished_events().await, 1);
    app.jobs.run_due().await.expect("a queue");
    let again = held.at.invited().await;
    let given = held.at.consent(&again, true).await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.text);
    assert_ne!(given.json()["call_id"], json!(held.call));
}

// spec: CALL-4
#[tokio::test]
async fn a_moment_for_the_candidate_is_a_pause_of_the_call() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    caller.sends(json!({ "type": "more_time" })).await;
    caller
        .hears("the pause", |m| m["type"] == "state" && m["state"] == "paused")
        .await;
    held.has_status("paused").await;
    caller.types("Now I know. I built a payments API.").await;
    held.has_status("in_progress").await;
}

#[tokio::test]
async fn the_button_for_a_person_ends_the_call_politely_and_tells_the_recruiter() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    caller.sends(json!({ "type": "human" })).await;
    caller.hears_emma_say("you would like to talk with a person").await;
    let end = caller.hears_the_end().await;
    assert_eq!(end["end_reason"], "human_requested");
    let log = held.call().await["log"].clone();
    let flagged = |event: &Value| event["kind"] == "flag" && event["data"]["flag"] == "human_requested";
    assert!(log.as_array().expect("a list").iter().any(flagged), "{log}");
}

// spec: EMMA-3
#[tokio::test]
async fn what_the_posting_does_not_answer_is_listed_for_the_recruiter() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    assert_eq!(held.call().await["unanswered_questions"], json!([]));
    caller.types("How many dogs are there in the office?").await;
    caller.hears("an answer", |m| m["type"] == "turn").await;
    let asked = async || held.call().await["unanswered_questions"].clone();
    eventually("the question is listed", async || asked().await != json!([])).await;
    let asked = asked().await;
    assert!(asked[0].as_str().expect("text").contains("dogs"), "{asked}");
    let list = held
        .at
        .app
        .get(&format!("/api/v1/applications/{}/calls", held.at.application))
        .await
        .json();
    assert_eq!(list["items"][0].get("unanswered_questions"), None);
}

// spec: EMMA-5
#[tokio::test]
async fn recruiters_see_what_to_look_at_and_no_personal_words() {
    let held = interview_on(App::live().await).await;
    let mut caller = held.begins().await;
    caller.types("I'm pregnant, and I feel dizzy right now.").await;
    caller.hears("an answer", |m| m["type"] == "turn").await;
    let flags = async || held.call().await["flags"].clone();
    eventually("the flag is listed", async || flags().await != json!([])).await;
    let flags = flags().await;
    assert_eq!(
        (flags[0]["kind"].as_str(), flags.as_array().map(Vec::len)),
        (Some("distress"), Some(1))
    );
    let path = format!(
        "/api/v1/calls/{}/transcript",
        held.call().await["id"].as_str().expect("text")
    );
    let transcript = held.at.app.get(&path).await.json();
    let segments = transcript["segments"].as_array().expect("a list");
    let said = segments
        .iter()
        .find(|s| s["id"] == flags[0]["segment_id"])
        .expect("its line");
    let text = said["text"].as_str().expect("text");
    assert!(
        text.ends_with(", and I feel dizzy right now.") && !text.contains("pregnant"),
        "{text}"
    );
    assert_eq!(said["redactions"], json!([{ "start": 0, "end": 12 }]));
    assert!(!transcript.to_string().contains("pregnant"), "{transcript}");
}

// spec: CALL-7
#[tokio::test]
async fn the_page_learns_where_an_interrupted_interview_stands() {
    let held = interview_on(App::live().await).await;
    let before = interview(&held.at.app, &held.token).await.json();
    assert_eq!((&before["topics_done"], &before["elapsed_ms"]), (&json!(0), &json!(0)));
    let mut caller = held.begins().await;
    caller
        .types("Next question, please. I would rather skip this one.")
        .await;
    caller
        .hears("the second topic", |m| m["type"] == "progress" && m["topic"] == 2)
        .await;
    caller.hears_listening().await;
    caller.events.send(MediaEvent::Closed).await.expect("a session");
    held.has_status("reconnecting").await;
    let after = interview(&held.at.app, &held.token).await.json();
    assert_eq!(
        (&after["status"], &after["topics_done"]),
        (&json!("reconnecting"), &json!(1))
    );
    assert!(after["elapsed_ms"].as_u64().expect("a number") > 0);
}

#[tokio::test]
async fn an_offer_that_cannot_be_used_is_refused_at_once_while_the_models_load() {
    let held = interview_on(App::start().await).await;
    for bad in ["", "not sdp", "v=0\r\n", &OFFER.replace("a=fingerprint:", "a=finger:")] {
        let answer = tokio::time::timeout(Duration::from_secs(5), offer(&held.at.app, &held.token, "", bad));
        answer.await.expect("at once").is_problem(400, "bad-sdp");
    }
}

// spec: APP-9
#[tokio::test]
async fn a_link_for_anybody_is_listed_and_revoked() {
    let at = applied_to(App::start().await).await;
    let id = JobOfferId::parse(&at.offer).expect("an id");
    let link = at
        .app
        .service
        .open_link(&id, LinkTerms::default())
        .await
        .expect("a link");
    let begun = consent(&at.app, &link.token, true).await.json();
    let path = format!("/api/v1/job-offers/{}/links", at.offer);
    let listed = at.app.get(&path).await;
    assert!(!listed.text.contains(&link.token));
    let listed = listed.json()["items"].clone();
    assert_eq!(
        (listed[0]["id"].as_str(), &listed[1]),
        (Some(link.id.as_str()), &Value::Null)
    );
    let one = format!("{path}/{}", link.id);
    at.app
        .anyone(Method::DELETE, &one, None)
        .await
        .is_problem(401, "unauthorized");
    let elsewhere = format!("/api/v1/job-offers/{}/links/{}", JobOfferId::generate(), link.id);
    at.app
        .recruiter(Method::DELETE, &elsewhere, None)
        .await
        .is_problem(404, "invitation-not-found");
    let gone = at.app.recruiter(Method::DELETE, &one, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    interview(&at.app, &link.token)
        .await
        .is_problem(410, "invitation-revoked");
    consent(&at.app, &link.token, true)
        .await
        .is_problem(410, "invitation-revoked");
    let token = begun["token"].as_str().expect("a token");
    assert_eq!(
        interview(&at.app, token).await.json()["status"],
        "ready",
        "what was begun goes on"
    );
}

#[tokio::test]
async fn links_last_as_long_as_is_configured() {
    let at = applied_to(App::start().await).await;
    let path = format!("/api/v1/applications/{}/invitations", at.application);
    let link = at.app.post(&path, json!({})).await.json();
    let expires: chrono::DateTime<chrono::Utc> = serde_json::from_value(link["expires_at"].clone()).expect("a time");
    assert_eq!(expires - at.app.base.clock.now(), TimeDelta::hours(100));
}
