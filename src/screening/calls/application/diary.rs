//! A call's memory: writes down what happens, in order, beside the live loop, so that a slow disk delays no voice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{Instrument, error, info, warn};

use crate::screening::calls::domain::audio::CallTime;
use crate::screening::calls::domain::call::ScreeningCall;
use crate::screening::calls::domain::coverage::Coverage;
use crate::screening::calls::domain::interviewer::Flag;
use crate::screening::calls::domain::segment::TranscriptSegment;
use crate::screening::calls::domain::status::{CallStatus, EndReason};
use crate::screening::calls::domain::store::CallStore;
use crate::screening::calls::domain::transcript::transcript_sha256;
use crate::shared::clock::Clock;
use crate::shared::errors::StoreError;

/// Pauses before another try at what must not be lost, while the database does not do it.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// The live loop's side of the memory.
pub struct Diary {
    /// Bounded: a call that outruns its disk by 256 entries waits for it.
    entries: mpsc::Sender<Entry>,
    writer: JoinHandle<()>,
}

enum Entry {
    Connected,
    Paused,
    Disconnected(CallTime),
    Segment(Box<TranscriptSegment>),
    Covered(Coverage, CallTime),
    Flag(Flag, CallTime),
    Transcript(oneshot::Sender<Vec<TranscriptSegment>>),
    Finish {
        reason: EndReason,
        coverage: Coverage,
        at: CallTime,
        done: oneshot::Sender<CallStatus>,
    },
}

impl Diary {
    /// Starts the writer of one call.
    pub fn open(call: ScreeningCall, store: Arc<dyn CallStore>, clock: Arc<dyn Clock>) -> Self {
        let (entries, received) = mpsc::channel(256);
        let writer = Writer { call, store, clock };
        let writer = tokio::spawn(writer.run(received).in_current_span());
        Self { entries, writer }
    }

    pub async fn connected(&self) {
        self.enter(Entry::Connected).await;
    }

    /// The candidate asked for a moment; `connected` says that the talk goes on.
    pub async fn paused(&self) {
        self.enter(Entry::Paused).await;
    }

    pub async fn disconnected(&self, at: CallTime) {
        self.enter(Entry::Disconnected(at)).await;
    }

    pub async fn segment(&self, segment: TranscriptSegment) {
        self.enter(Entry::Segment(Box::new(segment))).await;
    }

    pub async fn covered(&self, coverage: Coverage, at: CallTime) {
        self.enter(Entry::Covered(coverage, at)).await;
    }

    pub async fn flag(&self, flag: &Flag, at: CallTime) {
        self.enter(Entry::Flag(flag.clone(), at)).await;
    }

    /// What was said so far.
    pub async fn transcript(&self) -> Vec<TranscriptSegment> {
        let (answer, transcript) = oneshot::channel();
        self.enter(Entry::Transcript(answer)).await;
        transcript.await.unwrap_or_default()
    }

    /// Ends the call in the store and publishes its end, once everything before is written. Failed where that could not
    /// be done: the call is taken up again then.
    pub async fn finish(&self, reason: EndReason, coverage: Coverage, at: CallTime) -> CallStatus {
        let (done, status) = oneshot::channel();
        self.enter(Entry::Finish {
            reason,
            coverage,
            at,
            done,
        })
        .await;
        status.await.unwrap_or(CallStatus::Failed)
    }

    /// Waits until everything is written.
    pub async fn close(self) {
        drop(self.entries);
        if let Err(error) = self.writer.await {
            error!(%error, "the writer of a call broke");
        }
    }

    async fn enter(&self, entry: Entry) {
        if self.entries.send(entry).await.is_err() {
            error!("the writer of a call is gone");
        }
    }
}

struct Writer {
    call: ScreeningCall,
    store: Arc<dyn CallStore>,
    clock: Arc<dyn Clock>,
}

impl Writer {
    async fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        while let Some(entry) = entries.recv().await {
            if let Err(error) = self.write(entry).await {
                error!(%error, "something of a call could not be stored");
            }
        }
    }

    async fn write(&mut self, entry: Entry) -> Result<(), StoreError> {
        match entry {
            Entry::Connected => {
                if self.call.start(self.clock.now()).is_ok() {
                    self.store.save(&self.call).await?;
                }
            }
            Entry::Paused => {
                if self.call.pause().is_ok() {
                    self.store.save(&self.call).await?;
                }
            }
            Entry::Disconnected(at) => {
                self.call.media_ms = at.ms();
                if self.call.lose_connection().is_ok() {
                    self.store.save(&self.call).await?;
                }
            }
            Entry::Segment(segment) => {
                self.call.media_ms = self.call.media_ms.max(segment.end_ms.ms());
                retried(|| self.store.put_segment(&self.call.id, &segment)).await?;
            }
            Entry::Covered(coverage, at) => {
                self.call.coverage = coverage;
                self.call.media_ms = at.ms();
                self.store.save(&self.call).await?;
            }
            Entry::Flag(flag, at) => self.store.put_flag(&self.call.id, &flag, at).await?,
            Entry::Transcript(answer) => {
                let transcript = self.store.transcript(&self.call.id).await?;
                // Nobody waiting any more is fine: the call has ended meanwhile.
                let _ = answer.send(transcript);
            }
            Entry::Finish {
                reason,
                coverage,
                at,
                done,
            } => {
                self.call.coverage = coverage;
                self.call.media_ms = at.ms();
                finish(&mut self.call, reason, &*self.store, &*self.clock).await?;
                // Nobody waiting any more is fine: the session has gone.
                let _ = done.send(self.call.status());
            }
        }
        Ok(())
    }
}

/// Ends a call: stores it and publishes [`CallFinished`](crate::screening::calls::domain::call::CallFinished) with it.
/// Does nothing to a call that is over. A call whose end could not be stored is left as it was.
pub async fn finish(
    call: &mut ScreeningCall,
    reason: EndReason,
    store: &dyn CallStore,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let open: &ScreeningCall = call;
    if let Some(ended) = retried(|| finished(open, reason, store, clock)).await? {
        *call = ended;
    }
    Ok(())
}

/// The call as it is stored after its end; none where it was over before.
async fn finished(
    call: &ScreeningCall,
    reason: EndReason,
    store: &dyn CallStore,
    clock: &dyn Clock,
) -> Result<Option<ScreeningCall>, StoreError> {
    if reason == EndReason::ConsentWithdrawn {
        store.purge_transcript(&call.id).await?;
    }
    let sha256 = transcript_sha256(&store.transcript(&call.id).await?);
    let mut ended = call.clone();
    let Ok(event) = ended.finish(reason, sha256, clock.now()) else {
        return Ok(None);
    };
    if store.finish(&ended, &event).await? {
        info!(
            status = ended.status().as_str(),
            end_reason = ?reason,
            duration_ms = event.duration_ms,
            asked = event.coverage.asked,
            answered = event.coverage.answered,
            "call finished"
        );
        metrics::counter!("emma_calls_finished_total").increment(1);
    }
    Ok(Some(ended))
}

/// Tries again, three times, where the database fails; it is busy or its disk is full for a moment.
async fn retried<T, F: Future<Output = Result<T, StoreError>>>(attempt: impl Fn() -> F) -> Result<T, StoreError> {
    for pause in PAUSES {
        match attempt().await {
            Err(StoreError::Database(error)) => {
                warn!(error, "something of a call could not be stored; it is tried again");
                tokio::time::sleep(pause).await;
            }
            done => return done,
        }
    }
    attempt().await
}

#[cfg(test)]
pub(super) mod tests;
