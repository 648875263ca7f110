use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::time::Instant;

use super::*;
use crate::screening::calls::domain::call::CallFinished;
use crate::screening::calls::domain::segment::{SegmentKind, Speaker};
use crate::screening::calls::domain::store::CallEvent;
use crate::screening::shared::ids::{ApplicationId, CallId, SegmentId};
use crate::shared::clock::SystemClock;

/// One call in memory, in a database that breaks when it is told to.
#[derive(Default)]
pub struct OneCall(Mutex<Kept>);

#[derive(Default)]
pub struct Kept {
    pub call: Option<ScreeningCall>,
    pub said: Vec<TranscriptSegment>,
    pub events: Vec<CallFinished>,
    /// Writes from now on that fail.
    pub failing: usize,
    /// Sentences and ends that somebody tried to store.
    pub tries: usize,
}

impl OneCall {
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// To store a sentence or an end.
    fn attempt(&self) -> Result<MutexGuard<'_, Kept>, StoreError> {
        let mut kept = self.kept();
        kept.tries += 1;
        match kept.failing.checked_sub(1) {
            Some(left) => {
                kept.failing = left;
                Err(StoreError::Database("the disk is full".to_owned()))
            }
            None => Ok(kept),
        }
    }
}

#[async_trait]
impl CallStore for OneCall {
    async fn insert(&self, call: &ScreeningCall) -> Result<(), StoreError> {
        self.save(call).await
    }

    async fn find(&self, _: &CallId) -> Result<Option<ScreeningCall>, StoreError> {
        Ok(self.kept().call.clone())
    }

    async fn of_application(&self, _: &ApplicationId) -> Result<Vec<ScreeningCall>, StoreError> {
        Ok(self.kept().call.clone().into_iter().collect())
    }

    async fn unfinished(&self) -> Result<Vec<ScreeningCall>, StoreError> {
        Ok(self.kept().call.clone().into_iter().collect())
    }

    async fn save(&self, call: &ScreeningCall) -> Result<(), StoreError> {
        self.kept().call = Some(call.clone());
        Ok(())
    }

    async fn put_segment(&self, _: &CallId, segment: &TranscriptSegment) -> Result<(), StoreError> {
        let mut kept = self.attempt()?;
        if kept.call.as_ref().is_some_and(|call| call.status().is_final()) {
            return Err(StoreError::Conflict("the call is over".to_owned()));
        }
        kept.said.push(segment.clone());
        Ok(())
    }

    async fn transcript(&self, _: &CallId) -> Result<Vec<TranscriptSegment>, StoreError> {
        Ok(self.kept().said.clone())
    }

    async fn finish(&self, call: &ScreeningCall, event: &CallFinished) -> Result<bool, StoreError> {
        let mut kept = self.attempt()?;
        kept.call = Some(call.clone());
        kept.events.push(event.clone());
        Ok(true)
    }

    async fn put_flag(&self, _: &CallId, _: &Flag, _: CallTime) -> Result<(), StoreError> {
        Ok(())
    }

    async fn purge_transcript(&self, _: &CallId) -> Result<(), StoreError> {
        self.kept().said.clear();
        Ok(())
    }

    async fn log_of(&self, _: &CallId) -> Result<Vec<CallEvent>, StoreError> {
        Ok(Vec::new())
    }
}

pub fn a_call() -> ScreeningCall {
    let mut call = ScreeningCall::ready(ApplicationId::generate(), 1, 1, Coverage(Vec::new()), SystemClock.now());
    call.start(SystemClock.now()).unwrap();
    call
}

fn a_sentence() -> TranscriptSegment {
    TranscriptSegment {
        id: SegmentId::generate(),
        speaker: Speaker::Candidate,
        text: "I built it.".to_owned(),
        start_ms: CallTime(1_000),
        end_ms: CallTime(2_000),
        words: Vec::new(),
        question_id: None,
        kind: SegmentKind::Answer,
        interrupted: false,
        typed: false,
        source_refs: Vec::new(),
        set_aside: Vec::new(),
        latency: None,
    }
}

async fn ends(diary: &Diary) -> CallStatus {
    let coverage = Coverage(Vec::new());
    diary
        .finish(EndReason::AgendaCompleted, coverage, CallTime(5_000))
        .await
}

// spec: CALL-6, CALL-8
#[tokio::test(start_paused = true)]
async fn a_sentence_and_the_end_survive_a_database_that_fails_for_a_moment() {
    let store = Arc::new(OneCall::default());
    let diary = Diary::open(a_call(), store.clone(), Arc::new(SystemClock));
    store.kept().failing = 3;
    let sentence = a_sentence();
    diary.segment(sentence.clone()).await;
    assert_eq!(
        diary.transcript().await,
        [sentence],
        "in order, so the sentence is stored"
    );
    store.kept().failing = 3;
    assert_eq!(ends(&diary).await, CallStatus::Completed);
    let kept = store.kept();
    assert_eq!(kept.events.len(), 1);
    assert_eq!(
        kept.call.as_ref().map(ScreeningCall::status),
        Some(CallStatus::Completed)
    );
}

// spec: CALL-8
#[tokio::test(start_paused = true)]
async fn an_end_that_could_not_be_stored_is_not_told_as_one() {
    let store = Arc::new(OneCall::default());
    let diary = Diary::open(a_call(), store.clone(), Arc::new(SystemClock));
    store.kept().failing = usize::MAX;
    assert_eq!(ends(&diary).await, CallStatus::Failed);
    let mut call = a_call();
    let reason = EndReason::AgendaCompleted;
    assert!(finish(&mut call, reason, &*store, &SystemClock).await.is_err());
    assert_eq!(call.status(), CallStatus::InProgress, "it is left as it was");
    store.kept().failing = 0;
    finish(&mut call, reason, &*store, &SystemClock).await.unwrap();
    assert_eq!(
        (call.status(), store.kept().events.len()),
        (CallStatus::Completed, 1),
        "it can end later"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_store_refuses_is_not_tried_again() {
    let store = Arc::new(OneCall::default());
    let diary = Diary::open(a_call(), store.clone(), Arc::new(SystemClock));
    assert_eq!(ends(&diary).await, CallStatus::Completed);
    let (before, began) = (store.kept().tries, Instant::now());
    diary.segment(a_sentence()).await;
    diary.close().await;
    assert_eq!((store.kept().tries - before, began.elapsed()), (1, Duration::ZERO));
}
