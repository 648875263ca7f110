//! Behaviour over HTTP, from outside: what recruiters and candidates get for what they send.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use emma::screening::applications::application::invite::LinkTerms;
use emma::screening::applications::domain::application::{JobOfferApplied, ScreeningApplication};
use emma::screening::applications::domain::candidate::Candidate;
use emma::screening::applications::domain::ports::{ApplicationStore as _, Submission};
use emma::screening::calls::domain::segment::TranscriptSegment;
use emma::screening::calls::domain::status::EndReason;
use emma::screening::shared::ids::{ApplicationId, CallId, CandidateId, JobOfferId, SegmentId};
use emma::shared::clock::Clock as _;
use emma::shared::errors::StoreError;
use emma::shared::events::Event;
use serde_json::{Value, json};

use crate::app::{Answer, App, RECRUITER};

const VERSION: &str = "2026-11.1";

fn posting() -> Value {
    json!({
        "title": "Backend Engineer", "organization": { "name": "Acme Labs" },
        "responsibilities": ["Own the payments API", "Review what others build"],
        "requirements": ["Three years of Python"], "benefits": ["Four weeks of holiday"],
        "skills": [
            { "name": "Python", "proficiency": "expert", "must_have": true },
            { "name": "PostgreSQL", "proficiency": "proficient", "must_have": true },
            { "name": "Communication", "must_have": false }
        ]
    })
}

pub struct Applied {
    pub app: App,
    pub application: String,
    pub candidate: String,
    pub offer: String,
}

async fn applied() -> Applied {
    applied_to(App::start().await).await
}

/// A candidate, a job offer and an application there.
pub async fn applied_to(app: App) -> Applied {
    let offer = app.post("/api/v1/job-offers", posting()).await;
    assert_eq!(offer.status, StatusCode::CREATED, "{}", offer.text);
    let offer = offer.json()["id"].as_str().expect("an id").to_owned();
    let candidate = json!({ "name": "Ana Example", "email": "ana@example.com", "username": "ana" });
    let candidate = app.post("/api/v1/candidates", candidate).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let body = json!({ "username": "ana", "job_offer_id": offer });
    let application = app.post("/api/v1/applications", body).await;
    assert_eq!(application.status, StatusCode::CREATED, "{}", application.text);
    let application = application.json()["application_id"].as_str().expect("an id").to_owned();
    Applied {
        app,
        application,
        candidate,
        offer,
    }
}

impl Applied {
    /// The secret of a fresh link.
    pub async fn invited(&self) -> String {
        let link = self
            .app
            .post(
                &format!("/api/v1/applications/{}/invitations", self.application),
                json!({}),
            )
            .await;
        assert_eq!(link.status, StatusCode::CREATED, "{}", link.text);
        let url = link.json()["url"].as_str().expect("a url").to_owned();
        url.strip_prefix("https://emma.test/i/")
            .expect("the public address")
            .to_owned()
    }

    pub async fn consent(&self, token: &str, accepted: bool) -> Answer {
        consent(&self.app, token, accepted).await
    }

    pub async fn end_call(&self, reason: EndReason) {
        let id = ApplicationId::parse(&self.application).expect("an id");
        let mut call = self
            .app
            .calls
            .of_application(&id)
            .await
            .expect("stored")
            .pop()
            .expect("a call");
        call.start(self.app.base.clock.now()).expect("ready");
        self.app.calls.save(&call).await.expect("stored");
        emma::screening::calls::application::diary::finish(&mut call, reason, &*self.app.calls, &*self.app.base.clock)
            .await
            .expect("stored");
    }
}

pub async fn consent(app: &App, token: &str, accepted: bool) -> Answer {
    let body = json!({ "version": VERSION, "accepted": accepted });
    app.anyone(Method::POST, &format!("/api/v1/interviews/{token}/consent"), Some(body))
        .await
}

pub async fn interview(app: &App, token: &str) -> Answer {
    app.anyone(Method::GET, &format!("/api/v1/interviews/{token}"), None)
        .await
}

// ---------------------------------------------------------------- who may see what

// spec: APP-8
#[tokio::test]
async fn nothing_of_a_candidate_is_read_without_the_recruiter_token() {
    let at = applied().await;
    let call = CallId::generate();
    let paths = [
        "/api/v1/candidates".to_owned(),
        format!("/api/v1/candidates/{}", at.candidate),
        "/api/v1/job-offers".to_owned(),
        format!("/api/v1/job-offers/{}", at.offer),
        "/api/v1/applications".to_owned(),
        format!("/api/v1/applications/{}", at.application),
        format!("/api/v1/applications/{}/plan", at.application),
        format!("/api/v1/applications/{}/calls", at.application),
        format!("/api/v1/applications/{}/analysis", at.application),
        format!("/api/v1/calls/{call}"),
        format!("/api/v1/calls/{call}/transcript"),
        "/api/v1/dead-letters".to_owned(),
    ];
    for path in paths {
        let answer = at.app.anyone(Method::GET, &path, None).await;
        answer.is_problem(401, "unauthorized");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        for wrong in [
            "Bearer nonsense",
            "Basic dXNlcjpwdw==",
            &format!("Bearer {RECRUITER}x"),
            "Bearer ",
        ] {
            let request = Request::builder().uri(&path).header(header::AUTHORIZATION, wrong);
            at.app
                .send(request.body(Body::empty()).expect("a request"))
                .await
                .is_problem(401, "unauthorized");
        }
    }
    let creating = json!({ "name": "X" });
    at.app
        .anyone(Method::POST, "/api/v1/candidates", Some(creating))
        .await
        .is_problem(401, "unauthorized");
}

#[tokio::test]
async fn problems_say_what_is_wrong_in_one_shape() {
    let app = App::start().await;
    app.get(&format!("/api/v1/job-offers/{}", JobOfferId::generate()))
        .await
        .is_problem(404, "job-offer-not-found");
    app.get("/api/v1/job-offers/offer-1").await.is_problem(400, "bad-id");
    app.get("/api/v1/nothing").await.is_problem(404, "not-found");
    app.recruiter(Method::PUT, "/api/v1/job-offers", None)
        .await
        .is_problem(405, "method-not-allowed");
    app.post("/api/v1/applications", json!({ "username": "ana" }))
        .await
        .is_problem(400, "bad-request");
    app.post("/api/v1/job-offers", json!({ "tagline": "no title" }))
        .await
        .is_problem(422, "invalid");
    let unknown = json!({ "username": "nobody", "job_offer_id": JobOfferId::generate() });
    app.post("/api/v1/applications", unknown)
        .await
        .is_problem(404, "candidate-not-found");
    let raw = |body: &str, kind: &str| {
        let request = Request::builder().method(Method::POST).uri("/api/v1/applications");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"));
        request
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .expect("a request")
    };
    app.send(raw("{", "application/json")).await.is_problem(400, "bad-json");
    app.send(raw("{}", "text/plain"))
        .await
        .is_problem(415, "unsupported-media-type");
    let large = format!("{{\"username\":\"{}\"}}", "x".repeat(70 * 1024));
    app.send(raw(&large, "application/json"))
        .await
        .is_problem(413, "too-large");
}

#[tokio::test]
async fn every_answer_protects_and_names_itself() {
    let app = App::start().await;
    for path in [
        "/",
        "/i/some-secret",
        "/results",
        "/docs",
        "/openapi.json",
        "/api/v1/health",
        "/nowhere",
    ] {
        let answer = app.anyone(Method::GET, path, None).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            answer.header("content-security-policy").contains("script-src 'self'"),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
        assert!(
            !answer.text.contains("https://cdn"),
            "{path} loads something from elsewhere"
        );
    }
    let script = app.anyone(Method::GET, "/static/interview/main.js", None).await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    let again = Request::builder()
        .uri("/static/interview/main.js")
        .header("if-none-match", script.header("etag"));
    assert_eq!(
        app.send(again.body(Body::empty()).expect("a request")).await.status,
        StatusCode::NOT_MODIFIED
    );
    app.anyone(Method::GET, "/static/../Cargo.toml", None)
        .await
        .is_problem(404, "not-found");
    app.anyone(Method::GET, "/static/%2e%2e/Cargo.toml", None)
        .await
        .is_problem(404, "not-found");
}

// spec: OPS-2
#[tokio::test]
async fn health_names_its_parts_and_tells_when_one_is_gone() {
    let app = App::live().await;
    let answer = app.anyone(Method::GET, "/api/v1/health", None).await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (StatusCode::OK, &json!("ok"))
    );
    for part in ["database", "vector_store", "llm", "speech"] {
        let view = &answer.json()["components"][part];
        assert!(
            view["status"] == "ok" && view["latency_ms"].is_number(),
            "{part}: {view}"
        );
    }
    app.base.db.close().await;
    let answer = app.anyone(Method::GET, "/api/v1/health", None).await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("down"))
    );
    let broken = app.get("/api/v1/candidates").await;
    broken.is_problem(503, "unavailable");
    assert_eq!(broken.header("retry-after"), "5");
}

// spec: OPS-4
#[test]
fn the_interface_is_described_and_changes_on_purpose_only() {
    let description = serde_json::to_value(emma::router::openapi()).expect("serializable");
    let paths = description["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            assert!(operation["summary"].is_string(), "{method} {path} is not explained");
            let mut answers: Vec<_> = operation["responses"]
                .as_object()
                .expect("answers")
                .keys()
                .cloned()
                .collect();
            answers.sort();
            let lock = if operation.get("security").is_some() {
                " (recruiter)"
            } else {
                ""
            };
            operations.push(format!(
                "{} {path}{lock} -> {}",
                method.to_uppercase(),
                answers.join(" ")
            ));
        }
    }
    operations.sort();
    insta::assert_json_snapshot!("operations", operations);
}

// ---------------------------------------------------------------- applying

// spec: APP-1, APP-5
#[tokio::test]
async fn the_same_pair_applies_once_and_is_told_once() {
    let at = applied().await;
    for who in [
        json!({ "username": "ana" }),
        json!({ "candidate_id": at.candidate }),
        json!({ "username": at.candidate }),
    ] {
        let mut body = who;
        body["job_offer_id"] = json!(at.offer);
        let again = at.app.post("/api/v1/applications", body).await;
        assert_eq!(
            (again.status, &again.json()["application_id"]),
            (StatusCode::CREATED, &json!(at.application))
        );
    }
    let (events,): (i64,) = sqlx::query_as("SELECT count(*) FROM outbox WHERE name = 'JobOfferApplied'")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("readable");
    assert_eq!(events, 1);
}

// spec: APP-6, APP-7
#[tokio::test]
async fn an_application_gets_its_plan_in_the_background_or_at_once() {
    let at = applied().await;
    assert_eq!(
        at.app.jobs.run_due().await.expect("a queue"),
        3,
        "one job for each subscriber"
    );
    let (plans,): (i64,) = sqlx::query_as("SELECT count(*) FROM interview_plans")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("readable");
    assert_eq!(plans, 1, "prepared before anybody asks");
    let plan = at
        .app
        .get(&format!("/api/v1/applications/{}/plan", at.application))
        .await
        .json();
    assert_eq!(plan["version"], 1);
    assert!((4..=8).contains(&plan["questions"].as_array().expect("questions").len()));

    let early = applied().await;
    let plan = early
        .app
        .get(&format!("/api/v1/applications/{}/plan", early.application))
        .await;
    assert_eq!(
        plan.status,
        StatusCode::OK,
        "a call never waits for the background: {}",
        plan.text
    );
}

// spec: APP-1
#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let at = applied().await;
    let send = async |key: &str, path: &str, body: Value, token: &str| {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        at.app
            .send(request.body(Body::from(body.to_string())).expect("a request"))
            .await
    };
    let first = send("k1", "/api/v1/candidates", json!({ "name": "Bo" }), RECRUITER).await;
    let again = send("k1", "/api/v1/candidates", json!({ "name": "Bo" }), RECRUITER).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    send("k1", "/api/v1/candidates", json!({ "name": "Cy" }), RECRUITER)
        .await
        .is_problem(422, "idempotency-key-reused");
    send("k1", "/api/v1/candidates", json!({ "name": "Bo" }), "guess")
        .await
        .is_problem(401, "unauthorized");
    let all = at.app.get("/api/v1/candidates").await.json();
    assert_eq!(all["items"].as_array().expect("items").len(), 2, "Ana and one Bo");

    // A refused request frees its key.
    send("k2", "/api/v1/candidates", json!({ "name": "" }), RECRUITER)
        .await
        .is_problem(422, "invalid");
    assert_eq!(
        send("k2", "/api/v1/candidates", json!({ "name": "Di" }), RECRUITER)
            .await
            .status,
        StatusCode::CREATED
    );

    // The secret of a link is given again, and is still not to be found in the database.
    let path = format!("/api/v1/applications/{}/invitations", at.application);
    let link = send("k3", &path, json!({}), RECRUITER).await;
    assert_eq!(link.text, send("k3", &path, json!({}), RECRUITER).await.text);
    let secret = link.json()["url"]
        .as_str()
        .expect("a url")
        .rsplit('/')
        .next()
        .expect("a part")
        .to_owned();
    let stored = at.app.base.bytes();
    assert!(
        !stored.windows(secret.len()).any(|w| w == secret.as_bytes()),
        "the link's secret was stored"
    );

    // A day later the key is free.
    at.app.base.clock.turn(TimeDelta::hours(25));
    assert_eq!(
        send("k1", "/api/v1/candidates", json!({ "name": "Cy" }), RECRUITER)
            .await
            .status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let app = App::start().await;
    for name in ["One", "Two", "Three"] {
        app.post("/api/v1/candidates", json!({ "name": name })).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|c| c["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let first = app.get("/api/v1/candidates?limit=2").await.json();
    assert_eq!(names(&first), ["Three", "Two"]);
    let next = first["next"].as_str().expect("more");
    let second = app
        .get(&format!("/api/v1/candidates?limit=2&after={next}"))
        .await
        .json();
    assert_eq!(names(&second), ["One"]);
    assert!(second["next"].is_null());
    app.get("/api/v1/candidates?limit=many")
        .await
        .is_problem(400, "bad-request");
}

// ---------------------------------------------------------------- the candidate's way in

// spec: APP-9, CALL-5
#[tokio::test]
async fn a_link_leads_through_consent_to_a_call() {
    let at = applied().await;
    let token = at.invited().await;
    let seen = interview(&at.app, &token).await.json();
    assert_eq!((&seen["status"], &seen["call_id"]), (&json!("waiting"), &json!(null)));
    assert_eq!(
        seen["job"],
        json!({ "title": "Backend Engineer", "organization": "Acme Labs" })
    );
    assert_eq!(
        (&seen["candidate_name"], &seen["consent"]["version"]),
        (&json!("Ana Example"), &json!(VERSION))
    );
    assert_eq!(seen["personal_token"], json!(token));
    assert_eq!(
        seen["secure_url"],
        json!("https://emma.test"),
        "where browsers give a microphone"
    );

    // Nothing starts before consent, and only to the text in force.
    let offer = Request::builder()
        .method(Method::POST)
        .uri(format!("/api/v1/interviews/{token}/offer"));
    let offer = offer
        .header(header::CONTENT_TYPE, "application/sdp")
        .body(Body::from("v=0"))
        .expect("a request");
    at.app.send(offer).await.is_problem(403, "consent-required");
    let old = json!({ "version": "2020-01.1", "accepted": true });
    let path = format!("/api/v1/interviews/{token}/consent");
    at.app
        .anyone(Method::POST, &path, Some(old))
        .await
        .is_problem(409, "consent-version");

    let given = at.consent(&token, true).await.json();
    assert_eq!((&given["status"], &given["token"]), (&json!("ready"), &json!(token)));
    let again = at.consent(&token, true).await.json();
    assert_eq!(given["call_id"], again["call_id"], "consent given twice opens one call");
    assert_eq!(interview(&at.app, &token).await.json()["status"], "ready");
    let application = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert_eq!(application["status"], "in_screening");
    assert_eq!(application["consent"]["version"], VERSION);
    let call = at
        .app
        .get(&format!("/api/v1/calls/{}", given["call_id"].as_str().expect("an id")))
        .await
        .json();
    assert_eq!((&call["status"], &call["attempt"]), (&json!("ready"), &json!(1)));
}

// spec: CALL-5
#[tokio::test]
async fn declining_starts_nothing_and_can_be_taken_back() {
    let at = applied().await;
    let token = at.invited().await;
    let declined = at.consent(&token, false).await.json();
    assert_eq!(
        (&declined["status"], &declined["call_id"]),
        (&json!("declined"), &json!(null))
    );
    assert!(declined["message"].as_str().expect("words").contains("person"));
    assert_eq!(interview(&at.app, &token).await.json()["status"], "declined");
    let calls = at
        .app
        .get(&format!("/api/v1/applications/{}/calls", at.application))
        .await
        .json();
    assert_eq!(calls["items"], json!([]));
    assert_eq!(at.consent(&token, true).await.json()["status"], "ready");
}

// spec: CALL-5
#[tokio::test]
async fn declining_after_having_consented_withdraws_consent() {
    let at = applied().await;
    let token = at.invited().await;
    let call = at.consent(&token, true).await.json()["call_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let id = CallId::parse(&call).expect("an id");
    at.app
        .calls
        .put_segment(&id, &said("I built ledgers."))
        .await
        .expect("stored");
    let declined = at.consent(&token, false).await;
    assert_eq!(declined.json()["status"], "declined", "{}", declined.text);
    let ended = at.app.get(&format!("/api/v1/calls/{call}")).await.json();
    assert_eq!(
        (&ended["status"], &ended["end_reason"]),
        (&json!("cancelled"), &json!("consent_withdrawn"))
    );
    let transcript = at.app.get(&format!("/api/v1/calls/{call}/transcript")).await.json();
    assert_eq!(transcript["segments"], json!([]));
    at.app.jobs.run_due().await.expect("a queue");
    assert_eq!(interview(&at.app, &token).await.json()["status"], "declined");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE name = 'ConsentWithdrawn'")
        .fetch_one(at.app.base.db.reader())
        .await
        .expect("readable");
    assert_eq!(events, 1, "told once");

    // It can be given anew, and then it begins afresh.
    let again = at.consent(&token, true).await.json();
    assert_eq!(again["status"], "ready");
    assert_ne!(again["call_id"], json!(call));
}

fn said(text: &str) -> TranscriptSegment {
    serde_json::from_value(json!({
        "id": SegmentId::generate(), "speaker": "candidate", "text": text,
        "start_ms": 0, "end_ms": 900, "words": [], "question_id": "q1", "kind": "answer", "interrupted": false,
        "typed": false, "source_refs": [], "latency": null
    }))
    .expect("a segment")
}

// spec: CALL-5
#[tokio::test]
async fn withdrawn_consent_ends_the_call_and_empties_the_transcript() {
    let at = applied().await;
    let token = at.invited().await;
    let call = at.consent(&token, true).await.json()["call_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let id = CallId::parse(&call).expect("an id");
    let said = said("I built ledgers.");
    at.app.calls.put_segment(&id, &said).await.expect("stored");
    let transcript = at.app.get(&format!("/api/v1/calls/{call}/transcript")).await.json();
    assert_eq!(transcript["segments"][0]["text"], "I built ledgers.");

    let path = format!("/api/v1/interviews/{token}/consent");
    assert_eq!(
        at.app.anyone(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        at.app.get(&format!("/api/v1/calls/{call}/transcript")).await.json()["segments"],
        json!([])
    );
    let ended = at.app.get(&format!("/api/v1/calls/{call}")).await.json();
    assert_eq!(
        (&ended["status"], &ended["end_reason"]),
        (&json!("cancelled"), &json!("consent_withdrawn"))
    );
    let late = at.app.calls.put_segment(&id, &said).await;
    assert!(late.is_err(), "a sentence that comes late is not stored");
    let seen = interview(&at.app, &token).await.json();
    assert_eq!(
        (&seen["status"], &seen["end_reason"]),
        (&json!("finished"), &json!("consent_withdrawn"))
    );
    let application = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert!(application["consent"]["withdrawn_at"].is_string());
    assert_eq!(
        at.app.anyone(Method::DELETE, &path, None).await.status,
        StatusCode::NO_CONTENT,
        "again is fine"
    );
}

// spec: APP-9
#[tokio::test]
async fn links_expire_are_revoked_and_used_up() {
    let at = applied().await;
    interview(&at.app, "no-such-secret")
        .await
        .is_problem(404, "invitation-not-found");
    consent(&at.app, "no-such-secret", true)
        .await
        .is_problem(404, "invitation-not-found");

    let expired = at.invited().await;
    at.app.base.clock.turn(TimeDelta::days(8));
    interview(&at.app, &expired).await.is_problem(410, "invitation-expired");
    at.consent(&expired, true).await.is_problem(410, "invitation-expired");

    let path = format!("/api/v1/applications/{}/invitations", at.application);
    let link = at.app.post(&path, json!({ "valid_hours": 1 })).await;
    let (location, link) = (link.header("location").to_owned(), link.json());
    let token = link["url"]
        .as_str()
        .expect("a url")
        .rsplit('/')
        .next()
        .expect("a part")
        .to_owned();
    let one = format!("{path}/{}", link["invitation_id"].as_str().expect("an id"));
    assert_eq!(location, one);
    assert_eq!(
        at.app.recruiter(Method::DELETE, &one, None).await.status,
        StatusCode::NO_CONTENT
    );
    interview(&at.app, &token).await.is_problem(410, "invitation-revoked");

    let used = at.invited().await;
    at.consent(&used, true).await;
    at.end_call(EndReason::AgendaCompleted).await;
    let seen = interview(&at.app, &used).await.json();
    assert_eq!(
        (&seen["status"], &seen["end_reason"]),
        (&json!("finished"), &json!("agenda_completed"))
    );
    at.consent(&used, true).await.is_problem(410, "invitation-used");
    at.app.jobs.run_due().await.expect("a queue");
    let application = at
        .app
        .get(&format!("/api/v1/applications/{}", at.application))
        .await
        .json();
    assert_eq!(application["status"], "screened");
    at.app.post(&path, json!({})).await.is_problem(409, "conflict");
    for hours in [0, 99_999] {
        let refused = at.app.post(&path, json!({ "valid_hours": hours })).await;
        refused.is_problem(422, "invalid");
        assert_eq!(refused.json()["detail"], "a link is valid for 1 hour to 90 days");
    }
}

// spec: CALL-7, APP-9
#[tokio::test]
async fn a_broken_call_goes_on_as_a_new_attempt_until_the_attempts_are_spent() {
    let at = applied().await;
    let token = at.invited().await;
    for attempt in 1..=3 {
        let given = at.consent(&token, true).await;
        assert_eq!(given.status, StatusCode::OK, "{}", given.text);
        let call = at
            .app
            .get(&format!(
                "/api/v1/calls/{}",
                given.json()["call_id"].as_str().expect("an id")
            ))
            .await;
        assert_eq!(call.json()["attempt"], attempt);
        at.end_call(EndReason::DisconnectTimeout).await;
        at.app.jobs.run_due().await.expect("a queue");
        let application = at
            .app
            .get(&format!("/api/v1/applications/{}", at.application))
            .await
            .json();
        assert_eq!(application["status"], "in_screening", "not over yet");
    }
    at.consent(&token, true).await.is_problem(410, "invitation-used");
}

// spec: APP-9, CALL-7
#[tokio::test]
async fn a_fresh_link_gives_its_attempts_anew() {
    let at = applied().await;
    let token = at.invited().await;
    for _ in 0..3 {
        assert_eq!(at.consent(&token, true).await.status, StatusCode::OK);
        at.end_call(EndReason::DisconnectTimeout).await;
    }
    at.consent(&token, true).await.is_problem(410, "invitation-used");
    at.app.base.clock.turn(TimeDelta::minutes(1));
    let fresh = at.invited().await;
    let given = at.consent(&fresh, true).await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.text);
    let call = given.json()["call_id"].as_str().expect("an id").to_owned();
    let call = at.app.get(&format!("/api/v1/calls/{call}")).await.json();
    assert_eq!(call["attempt"], 4);
    at.end_call(EndReason::DisconnectTimeout).await;
    at.consent(&token, true).await.is_problem(410, "invitation-used");
    for _ in 0..2 {
        assert_eq!(at.consent(&fresh, true).await.status, StatusCode::OK);
        at.end_call(EndReason::DisconnectTimeout).await;
    }
    at.consent(&fresh, true).await.is_problem(410, "invitation-used");
}

// spec: APP-9, APP-10
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_presses_twice_is_answered_twice() {
    let at = applied().await;
    let path = format!("/api/v1/applications/{}/invitations", at.application);
    let links = futures::future::join_all((0..2).map(|_| at.app.post(&path, json!({})))).await;
    for link in &links {
        assert_eq!(link.status, StatusCode::CREATED, "{}", link.text);
    }
    let url = links[0].json()["url"].as_str().expect("a url").to_owned();
    let token = url.rsplit('/').next().expect("a token");
    let answers = futures::future::join_all((0..2).map(|_| at.consent(token, true))).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.json()["call_id"], answers[0].json()["call_id"], "one call");
    }
}

// spec: APP-4, APP-9
#[tokio::test]
async fn a_paused_or_closed_offer_takes_nobody_through_an_open_link() {
    let at = applied().await;
    let offer = JobOfferId::parse(&at.offer).expect("an id");
    let open = at.app.service.open_link(&offer, LinkTerms::default()).await;
    let open = open.expect("a link").token;
    let begun = consent(&at.app, &open, true).await.json();
    let path = format!("/api/v1/job-offers/{offer}");
    let applications = async || at.app.get("/api/v1/applications").await.json()["items"].clone();
    for status in ["paused", "closed"] {
        at.app
            .recruiter(Method::PATCH, &path, Some(json!({ "status": status })))
            .await;
        let before = applications().await;
        consent(&at.app, &open, true).await.is_problem(409, "conflict");
        assert_eq!(applications().await, before, "nothing was stored");
        let own = begun["token"].as_str().expect("a token");
        assert_eq!(
            consent(&at.app, own, true).await.json()["status"],
            "ready",
            "what was promised goes on"
        );
    }

    // Also where the offer was open when it was looked at.
    let store = at.app.base.applications();
    let now = at.app.base.clock.now();
    let known = CandidateId::parse(&at.candidate).expect("an id");
    let candidate = Candidate {
        id: CandidateId::generate(),
        username: None,
        ..store.candidate(&known).await.expect("readable").expect("there")
    };
    let (application, applied) = ScreeningApplication::submit(candidate.id.clone(), offer, now);
    let late = Submission {
        applied: Event::new(JobOfferApplied::NAME, application.id.as_str(), now, &applied),
        application,
        new_candidate: Some(candidate),
        new_offer: None,
        now,
    };
    let before = applications().await;
    assert!(matches!(store.submit(&late).await, Err(StoreError::Conflict(_))));
    assert_eq!(applications().await, before);
}

// spec: APP-9
#[tokio::test]
async fn an_open_link_makes_a_candidate_of_everybody_who_consents() {
    let at = applied().await;
    let offer = JobOfferId::parse(&at.offer).expect("an id");
    let link = at
        .app
        .service
        .open_link(&offer, LinkTerms::default())
        .await
        .expect("a link");
    let open = link.token;
    assert_eq!(interview(&at.app, &open).await.json()["personal_token"], json!(null));
    assert_eq!(consent(&at.app, &open, false).await.json()["status"], "declined");

    let first = consent(&at.app, &open, true).await.json();
    let second = consent(&at.app, &open, true).await.json();
    assert_ne!(first["token"], second["token"]);
    assert_ne!(first["token"], json!(open));
    assert_ne!(first["call_id"], second["call_id"]);
    let name = interview(&at.app, second["token"].as_str().expect("a token"))
        .await
        .json()["candidate_name"]
        .clone();
    assert_eq!(name, "Demo candidate 2");

    // A program goes on with the link it has; a browser that opens it is somebody new.
    let program = interview(&at.app, &open).await.json();
    assert_eq!(
        (&program["status"], &program["call_id"]),
        (&json!("ready"), &second["call_id"])
    );
    let browser = Request::builder()
        .uri(format!("/api/v1/interviews/{open}"))
        .header("sec-fetch-mode", "cors");
    let browser = at
        .app
        .send(browser.body(Body::empty()).expect("a request"))
        .await
        .json();
    assert_eq!(
        (&browser["status"], &browser["call_id"]),
        (&json!("waiting"), &json!(null))
    );
}

// ---------------------------------------------------------------- positions

// spec: APP-4
#[tokio::test]
async fn what_a_job_offer_cannot_hold_is_refused_and_not_lost() {
    let app = App::start().await;
    let post = async |body: Value| app.post("/api/v1/job-offers", body).await;
    for (body, field) in [
        (json!({ "title": "Clerk", "requirments": ["Order"] }), "requirments"),
        (
            json!({ "title": "Clerk", "skills": [{ "name": "A" }, { "name": "B", "musthave": true }] }),
            "skills[1].musthave",
        ),
        (
            json!({ "title": "Clerk", "compensation": { "minimum": 7 } }),
            "compensation.minimum",
        ),
        (json!({ "title": "Clerk", "id": JobOfferId::generate() }), "id"),
    ] {
        let refused = post(body).await;
        refused.is_problem(400, "bad-request");
        assert_eq!(refused.json()["detail"], format!("unknown field `{field}`"));
    }
    for bad in [
        json!({ "title": "Clerk", "objective": "Cook" }),
        json!({ "title": "Clerk", "status": "gone" }),
        json!({ "title": 7 }),
        json!([]),
        json!("Clerk"),
    ] {
        post(bad).await.is_problem(400, "bad-request");
    }
    assert_eq!(app.get("/api/v1/job-offers").await.json()["items"], json!([]));

    let made = post(json!({ "objective": "Clerk", "status": "paused", "place": null, "skills": [] })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(
        (&made.json()["title"], &made.json()["status"]),
        (&json!("Clerk"), &json!("paused"))
    );
    let fields = [("titel", "Clerk")];
    for path in ["/api/v1/job-offers", "/api/v1/candidates"] {
        let refused = app.upload(path, "file", b"Clerk", &fields).await;
        refused.is_problem(400, "bad-request");
        assert_eq!(refused.json()["detail"], "unknown field `titel`");
    }
}

// ---------------------------------------------------------------- files

const POSTING_TEXT: &str = "# Site Reliability Engineer\nKeep small shops online.\n\nCompany: Acme Labs\n\n\
    ## Responsibilities\n- Run the payment clusters\n- Be on call one week in six\n\n## Requirements\n- Kubernetes\n";

fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file(name, zip::write::SimpleFileOptions::default())
        .expect("a file");
    archive.write_all(content).expect("written");
    archive.finish().expect("an archive").into_inner()
}

fn docx() -> Vec<u8> {
    let paragraph = |style: &str, text: &str| {
        format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let body = [
        paragraph("Title", "Site Reliability Engineer"),
        paragraph("Heading1", "Responsibilities"),
        paragraph("ListParagraph", "Run the payment clusters &amp; caches"),
        paragraph("Heading1", "Benefits"),
        paragraph("ListParagraph", "Four weeks of holiday"),
    ];
    let xml = format!(
        "<w:document xmlns:w=\"w\"><w:body>{}</w:body></w:document>",
        body.concat()
    );
    zipped("word/document.xml", xml.as_bytes())
}

/// A PDF of one page; offsets are computed, so any reader takes it.
fn pdf(lines: &[&str]) -> Vec<u8> {
    let text = lines
        .iter()
        .fold(String::new(), |text, line| text + "(" + line + ") Tj 0 -20 Td ");
    let stream = format!("BT /F1 12 Tf 50 700 Td {text}ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (i, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let at = file.len();
    file += &format!("xref\n0 6\n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n");
    file.into_bytes()
}

// spec: APP-3
#[tokio::test]
async fn a_posting_is_read_from_text_docx_and_pdf() {
    let app = App::start().await;
    let text = app
        .upload("/api/v1/job-offers", "file", POSTING_TEXT.as_bytes(), &[])
        .await;
    assert_eq!(text.status, StatusCode::CREATED, "{}", text.text);
    assert_eq!(
        text.json()["responsibilities"],
        json!(["Run the payment clusters", "Be on call one week in six"])
    );
    assert_eq!(text.json()["organization"]["name"], "Acme Labs");

    let word = app
        .upload("/api/v1/job-offers", "file", &docx(), &[("organization", "Acme Labs")])
        .await
        .json();
    assert_eq!(word["title"], "Site Reliability Engineer");
    assert_eq!(word["responsibilities"], json!(["Run the payment clusters & caches"]));
    assert_eq!(word["benefits"], json!(["Four weeks of holiday"]));
    assert_eq!(word["organization"]["name"], "Acme Labs");

    let lines = [
        "Site Reliability Engineer",
        "Responsibilities",
        "- Run the payment clusters",
        "Benefits",
        "- Bicycles",
    ];
    let paper = app.upload("/api/v1/job-offers", "file", &pdf(&lines), &[]).await;
    assert_eq!(paper.status, StatusCode::CREATED, "{}", paper.text);
    assert_eq!(paper.json()["title"], "Site Reliability Engineer");
    assert_eq!(paper.json()["benefits"], json!(["Bicycles"]));

    // A long file with an idempotency key is read once and remembered.
    let long = format!(
        "--K\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nClerk\n{}\r\n--K--\r\n",
        "- Sorts letters\n".repeat(90) + &" \n".repeat(60_000)
    );
    let request = || {
        let request = Request::builder().method(Method::POST).uri("/api/v1/job-offers");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"));
        let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=K");
        request
            .header("idempotency-key", "long")
            .body(Body::from(long.clone()))
            .expect("a request")
    };
    let (first, again) = (app.send(request()).await, app.send(request()).await);
    assert_eq!((first.status, &first.text), (StatusCode::CREATED, &again.text));

    let stored = app
        .get(&format!(
            "/api/v1/job-offers/{}",
            paper.json()["id"].as_str().expect("an id")
        ))
        .await;
    assert_eq!(stored.json(), paper.json());
}

// spec: APP-3
#[tokio::test]
async fn a_resume_is_kept_as_text() {
    let app = App::start().await;
    let fields = [("name", "Ana Example"), ("email", "ana@example.com")];
    let lines = ["Ana Example", "Built the ledger service"];
    let candidate = app.upload("/api/v1/candidates", "resume", &pdf(&lines), &fields).await;
    assert_eq!(candidate.status, StatusCode::CREATED, "{}", candidate.text);
    assert!(
        candidate.json()["resume_text"]
            .as_str()
            .expect("text")
            .contains("Built the ledger service")
    );
    app.upload("/api/v1/candidates", "resume", b"%PDF-", &fields)
        .await
        .is_problem(422, "unreadable-document");
    // The limit is one of characters, not of bytes.
    let greek = "α".repeat(120_000);
    let candidate = json!({ "name": "Ana", "resume_text": greek });
    let candidate = app.post("/api/v1/candidates", candidate).await;
    assert_eq!(candidate.status, StatusCode::CREATED, "{}", candidate.text);
    let long = json!({ "name": "Ana", "resume_text": "α".repeat(200_001) });
    app.post("/api/v1/candidates", long).await.is_problem(422, "invalid");
    for text in [
        &b"Ren\xe9e Example"[..],
        b"It\x92s a r\xe9sum\xe9\r\n",
        b"\xff\xfeA\0n\0a\0",
    ] {
        let refused = app.upload("/api/v1/candidates", "resume", text, &fields).await;
        refused.is_problem(422, "unreadable-document");
        assert!(refused.text.contains("UTF-8"), "{}", refused.text);
    }
    let bad_mail = [("name", "Ana"), ("email", "not an address")];
    app.upload("/api/v1/candidates", "resume", b"text", &bad_mail)
        .await
        .is_problem(422, "invalid");
}

// spec: APP-3
#[tokio::test]
async fn hostile_files_get_a_clear_refusal_and_nothing_else() {
    let app = App::start().await;
    let send = async |file: &[u8]| app.upload("/api/v1/job-offers", "file", file, &[]).await;
    send(&[0x7f, b'E', b'L', b'F', 0, 1, 2])
        .await
        .is_problem(415, "unsupported-media-type");
    send(&zipped("xl/workbook.xml", b"<x/>"))
        .await
        .is_problem(415, "unsupported-media-type");
    send(b"PK\x03\x04 and then nonsense")
        .await
        .is_problem(422, "unreadable-document");
    send(b"   \n\n").await.is_problem(422, "unreadable-document");
    send(&vec![b'a'; 5 * 1024 * 1024 + 1])
        .await
        .is_problem(413, "too-large");
    send(&vec![b'a'; 6 * 1024 * 1024]).await.is_problem(413, "too-large");
    // 30 MiB of spaces in 30 kB.
    send(&zipped("word/document.xml", &vec![b' '; 30 << 20]))
        .await
        .is_problem(422, "unreadable-document");
    // The same in a PDF.
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 80 << 20]).expect("written");
    let packed = packed.finish().expect("packed");
    let bomb = [
        b"%PDF-1.4\n1 0 obj\n<< /Filter /FlateDecode >>\nstream\n",
        packed.as_slice(),
        b"\nendstream\nendobj\n",
    ];
    send(&bomb.concat()).await.is_problem(422, "unreadable-document");
    // Entities that unfold without end are not unfolded.
    let laughs = "<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><w:document><w:p><w:t>Clerk &b;</w:t></w:p></w:document>";
    let answer = send(&zipped("word/document.xml", laughs.as_bytes())).await;
    assert!(!answer.text.contains("haha"), "{}", answer.text);
    let mut cut = pdf(&["Clerk"]);
    cut.truncate(cut.len() / 2);
    assert!(send(&cut).await.status.is_client_error());
    let deep = [
        b"%PDF-1.4\n1 0 obj\n",
        "[".repeat(200_000).as_bytes(),
        b"\nendobj\n%%EOF",
    ]
    .concat();
    assert!(send(&deep).await.status.is_client_error());
    assert_eq!(
        app.anyone(Method::GET, "/api/v1/health", None).await.status,
        StatusCode::OK
    );
}
