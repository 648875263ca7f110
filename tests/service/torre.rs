//! Applications whose candidate and position are looked up, at a server that misbehaves in every way it can.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use emma::screening::analysis::application::analyse::AnalysisService;
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::applications::infrastructure::torre::{TorreAdapter, TorreSettings};
use emma::screening::calls::domain::audio::CallTime;
use emma::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};
use emma::screening::calls::domain::status::EndReason;
use emma::screening::shared::ids::{ApplicationId, SegmentId};
use emma::shared::clock::Clock as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::app::{Answer, App, RECRUITER, TestDb};
use crate::fakes::FakeEmbedder;

const BIO: &str = "/api/genome/bios/ana-example";
const JOB: &str = "/api/suite/opportunities/AbCd1234";
const APPLICATIONS: &str = "/api/v1/applications";

fn bio() -> Value {
    json!({
        "person": { "id": "Zz9y8X7w", "publicId": "ana-example", "name": "Ana Example",
            "professionalHeadline": "Backend engineer", "summaryOfBio": "Builds ledgers.", "verified": false,
            "weight": 0, "links": [], "location": { "name": "Cali, Colombia" } },
        "strengths": [{ "id": "a1", "name": "SQL", "proficiency": "proficient", "weight": 0, "recommendations": 0 }],
        "experiences": [{ "id": "e1", "category": "jobs", "name": "Backend Engineer",
            "organizations": [{ "id": 2, "name": "Example Pay" }], "responsibilities": ["Built ledger service"],
            "fromMonth": "April", "fromYear": "2021" }],
        "languages": [{ "code": "es", "language": "Spanish", "fluency": "fully-fluent" }]
    })
}

fn opportunity() -> Value {
    json!({
        "id": "AbCd1234", "objective": "Backend Engineer (Python)", "locale": "en", "status": "open",
        "details": [
            { "code": "responsibilities", "content": "<p>Own the payments API</p>\n<p>On-call one week in six</p>" },
            { "code": "requirements", "content": "3+ years Python\nPostgreSQL" }, { "code": "benefits", "content": "-" }],
        "strengths": [{ "id": "s1", "name": "SQL", "proficiency": "proficient", "experience": "3-plus-years" }],
        "organizations": [{ "id": 1, "name": "Acme Labs", "size": 40 }], "members": []
    })
}

fn pair() -> Value {
    json!({ "username": "ana-example", "job_offer_id": "AbCd1234" })
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

async fn app_asking(base_url: String) -> App {
    app_waiting(base_url, Duration::from_secs(10)).await
}

/// Short only where the server is slow on purpose: this machine may be busy.
async fn app_waiting(base_url: String, timeout: Duration) -> App {
    let settings = TorreSettings {
        base_url,
        timeout,
        retries: 1,
    };
    App::knowing(
        TestDb::open().await,
        Arc::new(TorreAdapter::new(&settings).expect("an address")),
    )
}

async fn answering(at: &str, answer: ResponseTemplate, server: &MockServer) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer)
        .mount(server)
        .await;
}

/// A server that knows the pair, and an Emma that asks it.
async fn start() -> (MockServer, App) {
    let server = MockServer::start().await;
    answering(BIO, ok(bio()), &server).await;
    answering(JOB, ok(opportunity()), &server).await;
    let app = app_asking(server.uri()).await;
    (server, app)
}

async fn asked(server: &MockServer, at: &str) -> usize {
    let requests = server.received_requests().await.expect("recorded");
    requests.iter().filter(|request| request.url.path() == at).count()
}

/// Rows of candidates, job offers, applications and events.
async fn stored(app: &App) -> [i64; 4] {
    let (candidates, offers, applications, events): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM candidates), (SELECT count(*) FROM job_offers),
                (SELECT count(*) FROM applications), (SELECT count(*) FROM outbox)",
    )
    .fetch_one(app.base.db.reader())
    .await
    .expect("readable");
    [candidates, offers, applications, events]
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()["application_id"].as_str().expect("an id").to_owned()
}

// spec: APP-1, APP-2, APP-5
#[tokio::test]
async fn a_pair_that_is_not_known_here_is_looked_up_and_stored_with_the_application() {
    let (server, app) = start().await;
    let id = id_of(&app.post(APPLICATIONS, pair()).await);
    assert_eq!(stored(&app).await, [1, 1, 1, 1]);
    let application = app.get(&format!("{APPLICATIONS}/{id}")).await.json();
    let candidate = app
        .get(&format!(
            "/api/v1/candidates/{}",
            application["candidate_id"].as_str().expect("an id")
        ))
        .await
        .json();
    assert_eq!(
        (&candidate["username"], &candidate["name"], &candidate["source"]),
        (&json!("ana-example"), &json!("Ana Example"), &json!("torre"))
    );
    let offer = application["job_offer_id"].as_str().expect("an id").to_owned();
    let offer = app.get(&format!("/api/v1/job-offers/{offer}")).await.json();
    assert_eq!(offer["title"], "Backend Engineer (Python)");
    assert_eq!(
        offer["responsibilities"],
        json!(["Own the payments API", "On-call one week in six"])
    );
    assert_eq!(offer["external"], json!({ "source": "torre", "id": "AbCd1234" }));
    app.jobs.run_due().await.expect("a queue");
    assert_eq!(app.jobs.dead_letters().await.expect("readable"), []);
    assert_eq!(
        app.get(&format!("{APPLICATIONS}/{id}/plan")).await.status,
        StatusCode::OK
    );

    // Again, by any name they have here, and with the server gone: the same, and nobody is asked or told.
    drop(server);
    for again in [
        pair(),
        json!({ "candidate_id": candidate["id"], "job_offer_id": "AbCd1234" }),
        json!({ "username": "ana-example", "job_offer_id": application["job_offer_id"] }),
    ] {
        assert_eq!(id_of(&app.post(APPLICATIONS, again).await), id);
    }
    assert_eq!(stored(&app).await, [1, 1, 1, 1]);
}

// spec: APP-2, APP-3
#[tokio::test]
async fn one_from_here_and_one_from_there_go_together() {
    let (server, app) = start().await;
    let offer = app.post("/api/v1/job-offers", json!({ "title": "Nurse" })).await.json();
    id_of(
        &app.post(
            APPLICATIONS,
            json!({ "username": "ana-example", "job_offer_id": offer["id"] }),
        )
        .await,
    );
    app.post("/api/v1/candidates", json!({ "name": "Bo", "username": "bo" }))
        .await;
    id_of(
        &app.post(APPLICATIONS, json!({ "username": "bo", "job_offer_id": "AbCd1234" }))
            .await,
    );
    // By now both are here.
    id_of(&app.post(APPLICATIONS, pair()).await);
    assert_eq!(stored(&app).await, [2, 2, 3, 3]);
    assert_eq!((asked(&server, BIO).await, asked(&server, JOB).await), (1, 1));
}

// spec: APP-1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_one_application() {
    let (_server, app) = start().await;
    let answers = futures::future::join_all((0..12).map(|_| app.post(APPLICATIONS, pair()))).await;
    let first = id_of(&answers[0]);
    assert!(answers.iter().all(|answer| id_of(answer) == first));
    assert_eq!(stored(&app).await, [1, 1, 1, 1]);

    // Different positions, the same new candidate: nobody loses.
    let server = MockServer::start().await;
    answering(BIO, ok(bio()), &server).await;
    for n in 0..6 {
        answering(&format!("/api/suite/opportunities/Job{n}"), ok(opportunity()), &server).await;
    }
    let app = app_asking(server.uri()).await;
    let posts = (0..6).map(|n| json!({ "username": "ana-example", "job_offer_id": format!("Job{n}") }));
    let answers = futures::future::join_all(posts.map(|body| app.post(APPLICATIONS, body))).await;
    let ids: std::collections::BTreeSet<_> = answers.iter().map(id_of).collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(stored(&app).await, [1, 6, 6, 6]);
}

// spec: APP-1
#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_asks_nobody() {
    let (server, app) = start().await;
    let send = async || {
        let request = Request::builder()
            .method(Method::POST)
            .uri(APPLICATIONS)
            .header(header::AUTHORIZATION, format!("Bearer {RECRUITER}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k1");
        app.send(request.body(Body::from(pair().to_string())).expect("a request"))
            .await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(
        (id_of(&first), first.header("location")),
        (id_of(&again), again.header("location"))
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(asked(&server, BIO).await, 1);
}

/// One way to misbehave, what Emma answers, and how often she asked.
struct Fault {
    name: &'static str,
    answer: ResponseTemplate,
    status: u16,
    slug: &'static str,
    tries: usize,
}

fn faults() -> Vec<Fault> {
    let fault = |name, answer, status, slug, tries| Fault {
        name,
        answer,
        status,
        slug,
        tries,
    };
    let text = |status, body: &str, kind: &str| ResponseTemplate::new(status).set_body_raw(body, kind);
    let slow = ok(bio()).set_delay(Duration::from_secs(30));
    vec![
        fault("gone", text(410, "", "text/plain"), 404, "", 1),
        fault(
            "unknown",
            text(404, r#"{"meta":{"message":"no"}}"#, "application/json"),
            404,
            "",
            1,
        ),
        fault("refused", text(400, "{}", "application/json"), 400, "bad-id", 1),
        fault(
            "forbidden",
            text(403, "{}", "application/json"),
            502,
            "upstream-failed",
            1,
        ),
        fault("fails", text(500, "{}", "application/json"), 502, "upstream-failed", 2),
        fault(
            "bad gateway",
            text(502, "<html>", "text/html"),
            502,
            "upstream-failed",
            2,
        ),
        fault("down", text(503, "", "text/plain"), 503, "unavailable", 2),
        fault("slow", slow, 504, "upstream-timeout", 2),
        fault(
            "late behind it",
            text(504, "", "text/plain"),
            504,
            "upstream-timeout",
            2,
        ),
        fault(
            "a page",
            text(200, "<!doctype html><p>Hello", "text/html"),
            502,
            "upstream-failed",
            1,
        ),
        fault(
            "cut JSON",
            text(200, r#"{"person":{"name"#, "application/json"),
            502,
            "upstream-failed",
            1,
        ),
        fault("nothing", text(200, "", "application/json"), 502, "upstream-failed", 1),
        fault("a list", ok(json!([1, 2])), 422, "invalid", 1),
        fault("null", ok(json!(null)), 422, "invalid", 1),
        fault(
            "renamed",
            ok(json!({ "human": { "name": "Ana" }, "goal": "Engineer" })),
            422,
            "invalid",
            1,
        ),
        fault(
            "huge",
            text(200, &format!("\"{}\"", "x".repeat(5 << 20)), "application/json"),
            422,
            "invalid",
            1,
        ),
    ]
}

// spec: APP-2, OPS-5
#[tokio::test]
async fn whatever_goes_wrong_there_nothing_is_stored_here() {
    for (faulty, well, missing) in [(BIO, JOB, "candidate-not-found"), (JOB, BIO, "job-offer-not-found")] {
        for fault in faults() {
            let server = MockServer::start().await;
            answering(faulty, fault.answer, &server).await;
            answering(well, ok(if well == BIO { bio() } else { opportunity() }), &server).await;
            let patience = if fault.name == "slow" { 200 } else { 10_000 };
            let app = app_waiting(server.uri(), Duration::from_millis(patience)).await;
            let answer = app.post(APPLICATIONS, pair()).await;
            let slug = if fault.slug.is_empty() { missing } else { fault.slug };
            answer.is_problem(fault.status, slug);
            assert_eq!(stored(&app).await, [0; 4], "{faulty}: {}", fault.name);
            assert_eq!(asked(&server, faulty).await, fault.tries, "{faulty}: {}", fault.name);
            if fault.status == 503 {
                assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{}", fault.name);
            }
            assert!(
                !answer.text.contains("127.0.0.1"),
                "nothing internal is told: {}",
                answer.text
            );
        }
    }
}

// spec: APP-2, OPS-5
#[tokio::test]
async fn a_rate_limit_is_passed_on_with_its_time() {
    for (status, told) in [(429, "37"), (503, "120")] {
        let server = MockServer::start().await;
        answering(
            BIO,
            ResponseTemplate::new(status).insert_header("retry-after", told),
            &server,
        )
        .await;
        answering(JOB, ok(opportunity()), &server).await;
        let app = app_asking(server.uri()).await;
        let answer = app.post(APPLICATIONS, pair()).await;
        answer.is_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), told);
        assert_eq!(
            asked(&server, BIO).await,
            1,
            "who says when to come back is not asked before"
        );
        assert_eq!(stored(&app).await, [0; 4]);
    }
}

// spec: APP-2
#[tokio::test]
async fn a_failure_that_passes_is_not_seen() {
    for first in [ResponseTemplate::new(500), ok(bio()).set_delay(Duration::from_secs(30))] {
        let server = MockServer::start().await;
        let once = Mock::given(method("GET")).and(path(BIO)).respond_with(first);
        once.up_to_n_times(1).with_priority(1).mount(&server).await;
        answering(BIO, ok(bio()), &server).await;
        answering(JOB, ok(opportunity()), &server).await;
        let app = app_waiting(server.uri(), Duration::from_secs(2)).await;
        id_of(&app.post(APPLICATIONS, pair()).await);
        assert_eq!((asked(&server, BIO).await, asked(&server, JOB).await), (2, 1));
    }
}

// spec: APP-2
#[tokio::test]
async fn what_is_another_kind_on_the_label_alone_is_read() {
    let server = MockServer::start().await;
    answering(
        BIO,
        ResponseTemplate::new(200).set_body_raw(bio().to_string(), "text/html"),
        &server,
    )
    .await;
    answering(JOB, ok(opportunity()), &server).await;
    id_of(&app_asking(server.uri()).await.post(APPLICATIONS, pair()).await);
}

/// Reads a request and answers with these bytes, whatever was asked, then closes.
async fn raw_server(answer: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer).await;
        }
    });
    format!("http://{address}")
}

// spec: APP-2, OPS-5
#[tokio::test]
async fn broken_connections_are_failures_and_closed_ports_are_outages() {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"person\":";
    const GARBAGE: &[u8] = b"\x16\x03\x01\x00 not http at all";
    for (answer, what) in [
        (HALF, "half a body"),
        (GARBAGE, "garbage"),
        (b"".as_slice(), "no answer"),
    ] {
        let app = app_asking(raw_server(answer).await).await;
        app.post(APPLICATIONS, pair()).await.is_problem(502, "upstream-failed");
        assert_eq!(stored(&app).await, [0; 4], "{what}");
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let app = app_asking(closed).await;
    let answer = app.post(APPLICATIONS, pair()).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(stored(&app).await, [0; 4]);
}

// spec: APP-2
#[tokio::test]
async fn bad_names_are_refused_before_anybody_is_asked() {
    let (server, app) = start().await;
    for (who, position) in [
        ("../../admin", "AbCd1234"),
        ("ana example", "AbCd1234"),
        ("ana-example", "AbCd1234-slug"),
        ("ana-example", "job_123"),
        ("ana-example", ""),
        ("", "AbCd1234"),
    ] {
        let body = json!({ "username": who, "job_offer_id": position });
        app.post(APPLICATIONS, body).await.is_problem(400, "bad-id");
    }
    assert_eq!(server.received_requests().await.expect("recorded").len(), 0);
    assert_eq!(stored(&app).await, [0; 4]);
}

// spec: APP-2, APP-4
#[tokio::test]
async fn a_closed_position_takes_nobody() {
    let server = MockServer::start().await;
    let mut closed = opportunity();
    closed["status"] = json!("closed");
    answering(BIO, ok(bio()), &server).await;
    answering(JOB, ok(closed), &server).await;
    let app = app_asking(server.uri()).await;
    app.post(APPLICATIONS, pair()).await.is_problem(409, "conflict");
    assert_eq!(stored(&app).await, [0; 4]);
}

/// A genome full of what must not be kept, each with a word of its own.
fn revealing() -> Value {
    json!({
        "person": { "publicId": "ana-example", "name": "Ana Secretname", "professionalHeadline": "Backend engineer",
            "summaryOfBio": "Ana Secretname builds ledgers.", "picture": "https://x/MARKpicture.png",
            "pictureThumbnail": "MARKthumb", "weight": 9_876_543_212_345.5, "verified": true, "completion": 0.123_987,
            "subjectId": "MARKsubject", "location": { "name": "MARKcity", "latitude": 12.345_678 },
            "links": [{ "name": "MARKlink", "address": "MARKaddress" }], "pageRank": "MARKrank", "views": "MARKviews",
            "birthday": "MARKbirthday", "gender": "MARKgender" },
        "stats": { "strengths": 9_876_543_212_345_u64 },
        "strengths": [{ "name": "SQL", "proficiency": "expert", "weight": 9_876_543_212_345.5, "recommendations": 9_876_543_212_355_u64,
            "hits": 9_876_543_212_356_u64, "media": [{ "a": "MARKmedia" }] }],
        "experiences": [
            { "category": "jobs", "name": "Engineer", "organizations": [{ "name": "Example Pay", "picture": "MARKlogo" }],
              "responsibilities": ["Built a ledger"], "weight": 9_876_543_212_357_u64, "verifications": ["MARKverified"],
              "recommendations": ["MARKpraise"] },
            { "category": "education", "name": "Computing", "fromYear": "MARKbegan", "toYear": "MARKended", "fromMonth": "MARKmonth" }
        ],
        "interests": [{ "name": "MARKinterest" }], "opportunities": [{ "interest": "MARKwish" }],
        "preferences": { "jobsFullTime": { "desirableCompensation": "MARKpay" } }
    })
}

/// Long enough not to stand in an id by chance.
const FORBIDDEN: [&str; 4] = ["MARK", "9876543212", "12.345678", "0.123987"];

// spec: APP-8
#[tokio::test]
async fn who_somebody_is_and_how_popular_is_not_kept_and_reaches_no_scorer() {
    let server = MockServer::start().await;
    answering(BIO, ok(revealing()), &server).await;
    let mut position = opportunity();
    position["members"] = json!([{ "person": { "name": "MARKposter", "picture": "MARKface" } }]);
    position["stats"] = json!({ "finishedApplications": 9_876_543_212_358_u64 });
    answering(JOB, ok(position), &server).await;
    let app = app_asking(server.uri()).await;
    let id = id_of(&app.post(APPLICATIONS, pair()).await);
    app.jobs.run_due().await.expect("a queue");
    let stored = app.base.bytes();
    let holds = |word: &str| stored.windows(word.len()).any(|w| w == word.as_bytes());
    assert!(holds("Built a ledger"), "the work is kept");
    for word in FORBIDDEN {
        assert!(!holds(word), "{word} was stored");
    }
    let embedded = app.embedder.seen.lock().expect("unpoisoned").join("\n");
    assert!(embedded.contains("Built a ledger") && embedded.contains("payments API"));
    assert!(!embedded.contains("Secretname"), "the name is for greeting only");

    // The scorer: what it is given is the transcript and the plan, nothing of the person.
    let id = ApplicationId::parse(&id).expect("an id");
    let embedder = Arc::new(FakeEmbedder::default());
    finish_interview(&app, &id, &embedder).await;
    let scored = embedder.seen.lock().expect("unpoisoned").join("\n");
    assert!(scored.contains("I tuned the slow queries"), "it read the transcript");
    for word in ["Secretname", "ana-example", "Built a ledger", "Example Pay"]
        .iter()
        .chain(&FORBIDDEN)
    {
        assert!(!scored.contains(word), "{word} reached the scorer");
    }
    let assessment = app.get(&format!("{APPLICATIONS}/{id}/analysis")).await;
    assert_eq!(assessment.status, StatusCode::OK, "{}", assessment.text);
    for word in ["Secretname", "ana-example", "Built a ledger"].iter().chain(&FORBIDDEN) {
        assert!(!assessment.text.contains(word), "{word} is in the assessment");
    }
}

/// Holds an interview in which one thing is said, and has it analysed.
async fn finish_interview(app: &App, id: &ApplicationId, embedder: &Arc<FakeEmbedder>) {
    let plan = app.service.plan_of(id).await.expect("a plan");
    app.service.calls.open(id, &plan).await.expect("a call");
    let mut call = app
        .calls
        .of_application(id)
        .await
        .expect("stored")
        .pop()
        .expect("a call");
    call.start(app.base.clock.now()).expect("ready");
    app.calls.save(&call).await.expect("stored");
    let answer = TranscriptSegment {
        id: SegmentId::generate(),
        speaker: Speaker::Candidate,
        text: "I tuned the slow queries of our payments API in PostgreSQL and measured them before and after."
            .to_owned(),
        start_ms: CallTime(1_000),
        end_ms: CallTime(7_000),
        words: Vec::new(),
        question_id: Some("q1".to_owned()),
        kind: SegmentKind::Answer,
        interrupted: false,
        typed: false,
        source_refs: Vec::new(),
        set_aside: Vec::new(),
        latency: None,
    };
    app.calls.put_segment(&call.id, &answer).await.expect("stored");
    let clock = &*app.base.clock;
    emma::screening::calls::application::diary::finish(&mut call, EndReason::AgendaCompleted, &*app.calls, clock)
        .await
        .expect("stored");
    let analysis = AnalysisService {
        calls: app.calls.clone(),
        interviews: app.service.clone(),
        analyses: Arc::new(SqliteAnalysisStore(app.base.db.clone())),
        embedder: embedder.clone(),
        model: None,
        clock: app.base.clock.clone(),
    };
    let finished = crate::app::last_event(&app.base.db, "CallFinished").await;
    let finished = serde_json::from_value(finished).expect("its own type");
    analysis.analyse(&finished).await.expect("analysed");
    // Told again, it is not told again.
    analysis.analyse(&finished).await.expect("harmless");
    let (told,): (i64,) = sqlx::query_as("SELECT count(*) FROM outbox WHERE name = 'AnalysisCompleted'")
        .fetch_one(app.base.db.reader())
        .await
        .expect("readable");
    assert_eq!(told, 1);
}

// spec: APP-1, APP-2
#[tokio::test]
async fn what_was_taken_over_is_known_with_the_directory_turned_off() {
    let (_server, app) = start().await;
    let id = id_of(&app.post(APPLICATIONS, pair()).await);
    let app = App::over(app.into_base(), None);
    assert_eq!(id_of(&app.post(APPLICATIONS, pair()).await), id);
    let candidate = app
        .post("/api/v1/candidates", json!({ "name": "Bo", "username": "bo" }))
        .await;
    assert_eq!(candidate.status, StatusCode::CREATED);
    let body = json!({ "username": "bo", "job_offer_id": "AbCd1234" });
    assert_ne!(id_of(&app.post(APPLICATIONS, body).await), id, "the position too");

    for (username, position, status, problem) in [
        ("nobody", "AbCd1234", 404, "candidate-not-found"),
        ("../nobody", "AbCd1234", 400, "bad-id"),
        ("bo", "Unknown1", 404, "job-offer-not-found"),
        ("bo", "no/where", 400, "bad-id"),
    ] {
        let body = json!({ "username": username, "job_offer_id": position });
        app.post(APPLICATIONS, body).await.is_problem(status, problem);
    }
}
