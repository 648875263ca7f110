//! A server that is killed: at every single commit of an application's life, from the first request to the assessment, a
//! process is killed with SIGKILL just before it would become lasting, and a second process goes on over the same
//! file. Whatever the moment, in the end everything is there, and everything is there once.
//!
//! The processes are this test binary: [`a_life`] is what they run. Where they are killed is decided by a hook of the
//! database's one writing connection, so the code that is tested knows nothing of it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use emma::screening::analysis::application::analyse::AnalysisService;
use emma::screening::analysis::domain::analysis::ScreeningAnalysis;
use emma::screening::analysis::infrastructure::store::SqliteAnalysisStore;
use emma::screening::applications::application::embed::{
    Embeddings, GenerateCandidateEmbeddings, GenerateJobOfferEmbeddings,
};
use emma::screening::applications::application::give_consent::ConsentAnswer;
use emma::screening::applications::application::invite::LinkTerms;
use emma::screening::applications::application::react::{EndScreening, GenerateCallPrompt};
use emma::screening::applications::domain::application::JobOfferApplied;
use emma::screening::applications::domain::directory::{
    Bio, DirectoryError, Opportunity, OpportunityId, TalentDirectory, Username,
};
use emma::screening::applications::domain::job_offer::{JobOfferStatus, Posting};
use emma::screening::applications::domain::ports::Stage;
use emma::screening::calls::application::diary;
use emma::screening::calls::domain::audio::CallTime;
use emma::screening::calls::domain::call::ScreeningCall;
use emma::screening::calls::domain::segment::{SegmentKind, Speaker, TranscriptSegment};
use emma::screening::calls::domain::status::EndReason;
use emma::screening::shared::ids::{ApplicationId, SegmentId};
use emma::shared::clock::Clock as _;
use emma::shared::embeddings::store::SqliteEmbeddingStore;
use emma::shared::events::Event;
use emma::shared::jobs::runner::{JobRunner, RunnerConfig};
use emma::shared::jobs::{EventHandler, HandlerError, Subscription, queue};

use crate::app::{App, TestDb};

/// Where the database is.
const DIR: &str = "EMMA_CRASH_DIR";
/// At which commit to wait for the kill; 0 lives to the end.
const AT: &str = "EMMA_CRASH_AT";
/// Begin of a line for the parent; the test harness writes lines of its own.
const COMMIT: &str = "@commit ";
const READY: &str = "@kill me";
const DONE: &str = "@done";

const SAID: [&str; 2] = [
    "I tuned the slow queries of our payments API in PostgreSQL and measured them before and after.",
    "When the queue stopped at night I found the poisoned message, wrote a test for it and fixed the parser.",
];

struct Known;

#[async_trait]
impl TalentDirectory for Known {
    fn source(&self) -> &'static str {
        "torre"
    }

    async fn bio(&self, username: &Username) -> Result<Bio, DirectoryError> {
        Ok(Bio {
            username: username.as_str().to_owned(),
            name: "Ana Example".to_owned(),
            headline: Some("Backend engineer".to_owned()),
            profile: Some("Work: Backend Engineer, Example Pay.".to_owned()),
        })
    }

    async fn opportunity(&self, _: &OpportunityId) -> Result<Opportunity, DirectoryError> {
        Ok(Opportunity {
            status: JobOfferStatus::Open,
            posting: Posting {
                title: "Backend Engineer".to_owned(),
                responsibilities: vec!["Own the payments API".to_owned(), "Be on call".to_owned()],
                requirements: vec!["PostgreSQL".to_owned()],
                ..Posting::default()
            },
        })
    }
}

/// Writes down which event it was told of, as somebody outside would.
struct Listener(std::path::PathBuf);

#[async_trait]
impl EventHandler for Listener {
    async fn handle(&self, event: &Event) -> Result<(), HandlerError> {
        let retry = |e: std::io::Error| HandlerError::Retry(e.to_string());
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0);
        writeln!(file.map_err(retry)?, "{}", event.id).map_err(retry)
    }
}

fn runner(app: &App, dir: &Path) -> JobRunner {
    let embeddings = Arc::new(Embeddings {
        applications: app.service.clone(),
        embedder: app.embedder.clone(),
        vectors: Arc::new(SqliteEmbeddingStore(app.base.db.clone())),
    });
    let analysis = AnalysisService {
        calls: app.calls.clone(),
        interviews: app.service.clone(),
        analyses: Arc::new(SqliteAnalysisStore(app.base.db.clone())),
        embedder: app.embedder.clone(),
        model: None,
        clock: app.base.clock.clone(),
    };
    let handlers: Vec<(&'static str, &'static str, Arc<dyn EventHandler>)> = vec![
        (
            JobOfferApplied::NAME,
            "plan",
            Arc::new(GenerateCallPrompt(app.service.clone())),
        ),
        (
            JobOfferApplied::NAME,
            "candidate",
            Arc::new(GenerateCandidateEmbeddings(embeddings.clone())),
        ),
        (
            JobOfferApplied::NAME,
            "offer",
            Arc::new(GenerateJobOfferEmbeddings(embeddings)),
        ),
        (ScreeningCall::FINISHED, "analyse", Arc::new(analysis)),
        (
            ScreeningCall::FINISHED,
            "screened",
            Arc::new(EndScreening(app.service.clone())),
        ),
        (
            ScreeningAnalysis::COMPLETED,
            "listener",
            Arc::new(Listener(dir.join("heard"))),
        ),
    ];
    let subscriptions = handlers.into_iter().map(|(event, subscriber, handler)| Subscription {
        event,
        subscriber,
        handler,
    });
    JobRunner::new(
        app.base.db.clone(),
        app.base.clock.clone(),
        subscriptions.collect(),
        RunnerConfig::default(),
    )
}

/// What a process does, and does again after another one was killed at it: a client that got no answer asks again, the
/// queue goes on, and an interview goes on where it was.
async fn live(app: &App, jobs: &JobRunner) {
    let now = app.base.clock.now();
    queue::release_leases(&app.base.db, now)
        .await
        .expect("as a runner does at its start");
    let id = app
        .service
        .submit_application("ana-example", "AbCd1234")
        .await
        .expect("stored");
    jobs.run_due().await.expect("a queue");
    if app.service.calls.progress(&id).await.expect("readable").stage != Stage::Over {
        interview(app, &id).await;
    }
    jobs.run_due().await.expect("a queue");
}

async fn interview(app: &App, id: &ApplicationId) {
    if app.service.store.consent(id).await.expect("readable").is_none() {
        let link = app.service.invite(id, LinkTerms::default()).await.expect("a link");
        let answer = ConsentAnswer {
            version: "2026-11.1".to_owned(),
            accepted: true,
            recording: false,
        };
        app.service.give_consent(&link.token, &answer).await.expect("given");
    }
    let (store, clock) = (&*app.calls, &*app.base.clock);
    let mut call = store.of_application(id).await.expect("readable").pop().expect("a call");
    if call.start(clock.now()).is_ok() {
        store.save(&call).await.expect("stored");
    }
    let heard = store.transcript(&call.id).await.expect("readable");
    for (start, text) in (1_u64..)
        .zip(SAID)
        .filter(|(_, text)| heard.iter().all(|s| s.text != *text))
    {
        let segment = TranscriptSegment {
            id: SegmentId::generate(),
            speaker: Speaker::Candidate,
            text: text.to_owned(),
            start_ms: CallTime(start * 10_000),
            end_ms: CallTime(start * 10_000 + 6_000),
            words: Vec::new(),
            question_id: Some(format!("q{start}")),
            kind: SegmentKind::Answer,
            interrupted: false,
            typed: false,
            source_refs: Vec::new(),
            set_aside: Vec::new(),
            latency: None,
        };
        store.put_segment(&call.id, &segment).await.expect("stored");
    }
    diary::finish(&mut call, EndReason::AgendaCompleted, store, clock)
        .await
        .expect("stored");
}

#[ignore = "the process that the test below starts and kills"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life() {
    let dir = std::path::PathBuf::from(std::env::var_os(DIR).expect("started by the test below"));
    let at: usize = std::env::var(AT)
        .expect("started by the test below")
        .parse()
        .expect("a number");
    let app = App::knowing(TestDb::at(&dir).await, Arc::new(Known));
    watch(&app, at).await;
    let jobs = runner(&app, &dir);
    tokio::time::timeout(Duration::from_mins(1), live(&app, &jobs))
        .await
        .expect("in time");
    tell(DONE);
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}")
        .and_then(|()| out.flush())
        .expect("a parent that reads");
}

/// Tells of every commit of the one connection that writes, and stops the world before commit number `at`.
async fn watch(app: &App, at: usize) {
    let mut write = app.base.db.write().await.expect("a transaction");
    let mut connection = write.lock_handle().await.expect("the connection");
    let tables: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let written = tables.clone();
    connection.set_update_hook(move |change| {
        written.lock().expect("unpoisoned").insert(change.table.to_owned());
    });
    let mut commits = 0;
    connection.set_commit_hook(move || {
        commits += 1;
        let tables = std::mem::take(&mut *tables.lock().expect("unpoisoned"));
        tell(&format!("{COMMIT}{}", tables.into_iter().collect::<Vec<_>>().join("+")));
        if commits == at {
            tell(READY);
            loop {
                std::thread::park();
            }
        }
        true
    });
}

/// A process that lives over this directory.
fn process(dir: &Path, at: usize) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            "crash::a_life",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(DIR, dir)
        .env(AT, at.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this binary runs")
}

/// Lets it live to its end, and tells what it committed.
fn live_out(dir: &Path) -> Vec<String> {
    let mut child = process(dir, 0);
    let lines = BufReader::new(child.stdout.take().expect("piped"))
        .lines()
        .map_while(Result::ok);
    let told: Vec<String> = lines.filter(|line| line.starts_with('@')).collect();
    let ended = child.wait().expect("ended");
    assert!(
        ended.success() && told.iter().any(|line| line == DONE),
        "{ended}: {told:#?}"
    );
    told.iter()
        .filter_map(|line| line.strip_prefix(COMMIT))
        .map(str::to_owned)
        .collect()
}

/// Kills it at commit number `at`.
fn kill_at(dir: &Path, at: usize) {
    let mut child = process(dir, at);
    let mut lines = BufReader::new(child.stdout.take().expect("piped"))
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line == READY), "it did not come to commit {at}");
    child.kill().expect("SIGKILL");
    let ended = child.wait().expect("ended");
    assert!(!ended.success(), "killed");
}

// spec: APP-5, APP-6, CALL-8, ANA-5
#[test]
fn a_server_killed_at_any_commit_loses_nothing_and_repeats_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let whole = tempfile::tempdir().expect("a directory");
    let commits = live_out(whole.path());
    runtime.block_on(everything_is_there_once(whole.path(), "not killed"));
    for step in [
        "applications+candidates+job_offers+outbox",
        "jobs+outbox",
        "jobs",
        "interview_plans",
        "embedding_sets+embedding_vectors",
        "invitations",
        "call_events+calls",
        "segments",
        "call_events+calls+outbox",
        "analyses+outbox",
    ] {
        let wanted: BTreeSet<&str> = step.split('+').collect();
        let is_it = |commit: &String| wanted.is_subset(&commit.split('+').collect());
        assert!(commits.iter().any(is_it), "no commit of {step} in {commits:#?}");
    }
    for (at, what) in (1..).zip(&commits) {
        let dir = tempfile::tempdir().expect("a directory");
        kill_at(dir.path(), at);
        live_out(dir.path());
        runtime.block_on(everything_is_there_once(
            dir.path(),
            &format!("killed at commit {at} ({what})"),
        ));
    }
}

async fn everything_is_there_once(dir: &Path, when: &str) {
    let base = TestDb::at(dir).await;
    let count = async |sql: &'static str| {
        let (found,): (i64,) = sqlx::query_as(sql).fetch_one(base.db.reader()).await.expect("readable");
        found
    };
    let once = [
        (
            "application",
            "SELECT count(*) FROM applications WHERE status = 'screened'",
        ),
        ("application at all", "SELECT count(*) FROM applications"),
        ("candidate", "SELECT count(*) FROM candidates"),
        ("job offer", "SELECT count(*) FROM job_offers"),
        ("plan", "SELECT count(*) FROM interview_plans"),
        ("call", "SELECT count(*) FROM calls WHERE status = 'completed'"),
        ("call at all", "SELECT count(*) FROM calls"),
        ("consent", "SELECT count(*) FROM consents"),
        (
            "assessment",
            "SELECT count(*) FROM analyses WHERE completed_at IS NOT NULL",
        ),
        (
            "JobOfferApplied",
            "SELECT count(*) FROM outbox WHERE name = 'JobOfferApplied'",
        ),
        (
            "CallFinished",
            "SELECT count(*) FROM outbox WHERE name = 'CallFinished'",
        ),
        (
            "AnalysisCompleted",
            "SELECT count(*) FROM outbox WHERE name = 'AnalysisCompleted'",
        ),
    ];
    for (what, sql) in once {
        assert_eq!(count(sql).await, 1, "{what}, {when}");
    }
    assert_eq!(count("SELECT count(*) FROM outbox").await, 3, "{when}");
    assert_eq!(
        count("SELECT count(*) FROM outbox WHERE relayed_at IS NULL").await,
        0,
        "{when}"
    );
    assert_eq!(
        count("SELECT count(*) FROM segments").await,
        SAID.len() as i64,
        "{when}"
    );
    assert_eq!(count("SELECT count(*) FROM embedding_sets").await, 2, "{when}");
    assert_eq!(count("SELECT count(*) FROM embedding_vectors").await, 6, "{when}");
    let jobs: Vec<(String, String)> = sqlx::query_as("SELECT subscriber, status FROM jobs ORDER BY subscriber")
        .fetch_all(base.db.reader())
        .await
        .expect("readable");
    let expected = ["analyse", "candidate", "listener", "offer", "plan", "screened"];
    let done: Vec<_> = expected.map(|name| (name.to_owned(), "done".to_owned())).to_vec();
    assert_eq!(jobs, done, "{when}");
    let heard = std::fs::read_to_string(dir.join("heard")).expect("it was told");
    let different: BTreeSet<&str> = heard.lines().collect();
    assert_eq!(different.len(), 1, "{when}: {heard}");
    let (sound,): (String,) = sqlx::query_as("PRAGMA integrity_check")
        .fetch_one(base.db.reader())
        .await
        .expect("readable");
    assert_eq!(sound, "ok", "{when}");
    base.db.close().await;
}
