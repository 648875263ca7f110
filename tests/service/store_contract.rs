//! What every store must do, run on SQLite.

use chrono::{TimeDelta, Utc};
use emma::screening::calls::domain::audio::CallTime;
use emma::screening::calls::domain::call::ScreeningCall;
use emma::screening::calls::domain::coverage::{Coverage, CoverageState, QuestionCoverage};
use emma::screening::calls::domain::segment::{SegmentKind, Speaker, TextSpan, TranscriptSegment, TurnLatency, Word};
use emma::screening::calls::domain::status::{CallStatus, EndReason};
use emma::screening::calls::domain::store::CallStore;
use emma::screening::calls::domain::transcript::transcript_sha256;
use emma::screening::shared::ids::{ApplicationId, SegmentId};
use emma::shared::clock::Clock as _;
use emma::shared::db::Db;
use emma::shared::errors::StoreError;

use crate::app::TestDb;

fn call(base: &TestDb) -> ScreeningCall {
    let question = QuestionCoverage {
        question_id: "q1".to_owned(),
        state: CoverageState::Asked,
        heard: true,
        probes: 1,
        time_ms: 5_000,
    };
    ScreeningCall::ready(
        ApplicationId::generate(),
        1,
        1,
        Coverage(vec![question]),
        base.clock.now(),
    )
}

fn said(text: &str, start: u64) -> TranscriptSegment {
    TranscriptSegment {
        id: SegmentId::generate(),
        speaker: Speaker::Candidate,
        text: text.to_owned(),
        start_ms: CallTime(start),
        end_ms: CallTime(start + 500),
        words: vec![Word {
            w: text.to_owned(),
            start_ms: CallTime(start),
            end_ms: CallTime(start + 400),
            confidence: 0.5,
        }],
        question_id: Some("q1".to_owned()),
        kind: SegmentKind::Answer,
        interrupted: true,
        typed: false,
        source_refs: vec!["benefits[0]".to_owned()],
        set_aside: vec![TextSpan { start: 0, end: 3 }],
        latency: Some(TurnLatency {
            total_ms: 900,
            ..TurnLatency::default()
        }),
    }
}

async fn events(db: &Db) -> Vec<(String, String)> {
    sqlx::query_as("SELECT name, subject FROM outbox ORDER BY position")
        .fetch_all(db.reader())
        .await
        .expect("readable")
}

// spec: CALL-4
#[tokio::test]
async fn a_call_comes_back_as_it_was_stored() {
    let base = TestDb::open().await;
    let store = base.calls();
    let mut call = call(&base);
    store.insert(&call).await.expect("new");
    assert_eq!(store.find(&call.id).await.expect("readable").as_ref(), Some(&call));
    base.clock.turn(TimeDelta::seconds(5));
    call.start(base.clock.now()).expect("ready");
    call.media_ms = 4_321;
    call.engine = serde_json::json!({ "stt": "whisper" });
    store.save(&call).await.expect("open");
    assert_eq!(store.find(&call.id).await.expect("readable").as_ref(), Some(&call));
    assert_eq!(
        store.of_application(&call.application_id).await.expect("readable"),
        [call.clone()]
    );
    assert_eq!(store.unfinished().await.expect("readable"), [call.clone()]);
    let log: Vec<_> = store
        .log_of(&call.id)
        .await
        .expect("readable")
        .into_iter()
        .map(|e| e.data["to"].clone())
        .collect();
    assert_eq!(log, ["ready", "in_progress"]);
}

#[tokio::test]
async fn an_application_has_one_open_call() {
    let base = TestDb::open().await;
    let store = base.calls();
    let first = call(&base);
    store.insert(&first).await.expect("new");
    let second = ScreeningCall::ready(
        first.application_id.clone(),
        2,
        1,
        Coverage(Vec::new()),
        base.clock.now(),
    );
    assert!(matches!(store.insert(&second).await, Err(StoreError::Conflict(_))));
}

// spec: CALL-6
#[tokio::test]
async fn segments_are_replaced_by_id_and_read_in_order() {
    let base = TestDb::open().await;
    let store = base.calls();
    let call = call(&base);
    store.insert(&call).await.expect("new");
    let (late, early) = (said("second", 2_000), said("first", 1_000));
    store.put_segment(&call.id, &late).await.expect("stored");
    store.put_segment(&call.id, &early).await.expect("stored");
    let grown = TranscriptSegment {
        text: "second and more".to_owned(),
        end_ms: CallTime(4_000),
        ..late
    };
    store.put_segment(&call.id, &grown).await.expect("stored");
    assert_eq!(store.transcript(&call.id).await.expect("readable"), [early, grown]);
}

// spec: CALL-8
#[tokio::test]
async fn the_end_of_a_call_is_told_exactly_once() {
    let base = TestDb::open().await;
    let store = base.calls();
    let mut call = call(&base);
    store.insert(&call).await.expect("new");
    call.start(base.clock.now()).expect("ready");
    store.save(&call).await.expect("open");
    let open = call.clone();
    let event = call
        .finish(EndReason::AgendaCompleted, transcript_sha256(&[]), base.clock.now())
        .expect("open");
    assert!(
        matches!(store.save(&call).await, Err(StoreError::Conflict(_))),
        "only finish ends a call"
    );
    assert!(store.finish(&call, &event).await.expect("stored"));
    assert!(!store.finish(&call, &event).await.expect("nothing to do"));
    assert!(
        matches!(store.save(&open).await, Err(StoreError::Conflict(_))),
        "a stale copy cannot revive it"
    );
    assert_eq!(
        events(&base.db).await,
        [("CallFinished".to_owned(), call.id.to_string())]
    );
    assert_eq!(store.unfinished().await.expect("readable"), []);
}

// spec: CALL-8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_finishers_publish_one_event() {
    let base = TestDb::open().await;
    for _ in 0..20 {
        let store = base.calls();
        let mut first = call(&base);
        store.insert(&first).await.expect("new");
        first.start(base.clock.now()).expect("ready");
        store.save(&first).await.expect("open");
        let mut second = first.clone();
        let dropped = first
            .finish(EndReason::DisconnectTimeout, String::new(), base.clock.now())
            .expect("open");
        let hung_up = second
            .finish(EndReason::CandidateEnded, String::new(), base.clock.now())
            .expect("open");
        // A store of its own each, as two processes would have.
        let (one, two) = (base.calls(), base.calls());
        let (call_a, call_b) = (first.clone(), second.clone());
        let a = tokio::spawn(async move { one.finish(&call_a, &dropped).await });
        let b = tokio::spawn(async move { two.finish(&call_b, &hung_up).await });
        let won = [
            a.await.expect("ran").expect("stored"),
            b.await.expect("ran").expect("stored"),
        ];
        assert_eq!(won.iter().filter(|w| **w).count(), 1, "{won:?}");
        let stored = store.find(&first.id).await.expect("readable").expect("there");
        let winner = if won[0] {
            EndReason::DisconnectTimeout
        } else {
            EndReason::CandidateEnded
        };
        assert_eq!(
            (stored.status(), stored.end_reason()),
            (CallStatus::Abandoned, Some(winner))
        );
        let told = events(&base.db)
            .await
            .into_iter()
            .filter(|(_, subject)| *subject == first.id.to_string());
        assert_eq!(told.count(), 1);
    }
}

// spec: CALL-6
#[tokio::test]
async fn what_was_stored_is_there_after_the_process_is_gone() {
    let base = TestDb::open().await;
    let call = call(&base);
    base.calls().insert(&call).await.expect("new");
    base.calls()
        .put_segment(&call.id, &said("kept", 0))
        .await
        .expect("stored");
    // Nothing is closed: a second process sees what a killed one had stored.
    let file = base.file();
    let other = Db::open(&file).await.expect("the same file");
    let store = emma::screening::calls::infrastructure::store::SqliteCallStore::new(other, base.clock.clone());
    assert_eq!(store.transcript(&call.id).await.expect("readable")[0].text, "kept");
}

#[tokio::test]
async fn times_keep_their_milliseconds() {
    let now = chrono::DateTime::<Utc>::from_timestamp_millis(1_790_000_000_123).expect("a time");
    let stored = emma::shared::db::from_ms(emma::shared::db::to_ms(now)).expect("a time");
    assert_eq!(stored, now);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_on_the_machine_can_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let base = TestDb::open().await;
    base.calls().insert(&call(&base)).await.expect("new");
    for file in std::fs::read_dir(base.file().parent().expect("a folder"))
        .expect("readable")
        .flatten()
    {
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.path().display());
    }
}
