//! The loop that delivers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::shared::clock::Clock;
use crate::shared::db::Db;
use crate::shared::errors::StoreError;
use crate::shared::jobs::queue::{self, ClaimedJob, DeadLetter, Outcome, Place};
use crate::shared::jobs::retry::{MAX_ATTEMPTS, pause_after};
use crate::shared::jobs::{HandlerError, Subscription};

/// For a handler to note that it is given up; the queue waits for it.
const GIVING_UP: Duration = Duration::from_secs(10);
/// How often it is looked for events that were delivered long ago.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// How the runner works.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Jobs of one subscriber handled at the same time: one that hangs leaves the others their turn.
    pub per_subscriber: usize,
    /// A handler that takes longer is stopped; the try counts as failed.
    pub handler_timeout: Duration,
    /// After this a job whose worker is gone may be claimed again; longer than the handler timeout.
    pub lease: Duration,
    /// How often the queue is looked at when nobody woke the runner.
    pub poll: Duration,
    /// How long handlers are waited for when the runner is stopped. The try of one that is still at it does not count.
    pub grace: Duration,
    /// How long events are kept that were delivered to everybody.
    pub kept: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            per_subscriber: 2,
            handler_timeout: Duration::from_mins(4),
            lease: Duration::from_mins(5),
            poll: Duration::from_secs(2),
            // The server waits for the runner a little longer.
            grace: Duration::from_secs(7),
            kept: Duration::from_hours(30 * 24),
        }
    }
}

/// Delivers events to subscribers. Cheap to clone; clones share the queue and the wake-up.
#[derive(Clone)]
pub struct JobRunner {
    db: Db,
    clock: Arc<dyn Clock>,
    subscriptions: Arc<[Subscription]>,
    config: Arc<RunnerConfig>,
}

impl JobRunner {
    /// A runner for these subscribers.
    pub fn new(db: Db, clock: Arc<dyn Clock>, subscriptions: Vec<Subscription>, config: RunnerConfig) -> Self {
        Self {
            db,
            clock,
            subscriptions: subscriptions.into(),
            config: Arc::new(config),
        }
    }

    /// Delivers until `stop` fires, then waits for the handlers at work; those still at it after the grace are
    /// interrupted and begin anew at the next start.
    pub async fn run(self, stop: CancellationToken) {
        if let Err(error) = queue::release_leases(&self.db, self.clock.now()).await {
            warn!(%error, "leases of the last run could not be released, they will run out");
        }
        let slots = Slots::default();
        let work = TaskTracker::new();
        let interrupt = CancellationToken::new();
        let mut pruned: Option<Instant> = None;
        loop {
            if pruned.is_none_or(|last| last.elapsed() >= PRUNE_EVERY) {
                pruned = Some(Instant::now());
                self.prune().await;
            }
            let idle = match self.relay_and_claim(&slots).await {
                Ok(Some((job, slot))) => {
                    let (runner, interrupt) = (self.clone(), interrupt.clone());
                    work.spawn(async move {
                        runner.deliver(job, &interrupt).await;
                        drop(slot);
                        runner.db.new_events().notify_one();
                    });
                    stop.is_cancelled()
                }
                Ok(None) => true,
                Err(error) => {
                    error!(%error, "the job queue cannot be read");
                    true
                }
            };
            if idle {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = self.db.new_events().notified() => {}
                    () = tokio::time::sleep(self.config.poll) => {}
                }
            }
        }
        work.close();
        if tokio::time::timeout(self.config.grace, work.wait()).await.is_err() {
            warn!(
                jobs.left = work.len(),
                "stopped before all jobs were done; they begin anew at the next start"
            );
            interrupt.cancel();
            work.wait().await;
        }
    }

    /// Deletes what was delivered long ago.
    async fn prune(&self) {
        let then = self.clock.now() - self.config.kept;
        let mut events = 0;
        loop {
            match queue::prune(&self.db, then).await {
                Ok(0) => break,
                Ok(some) => events += some,
                Err(error) => return warn!(%error, "old events could not be deleted; it is tried again"),
            }
        }
        if events > 0 {
            info!(events, "events that were delivered long ago are deleted");
        }
    }

    /// Delivers everything that is due at this moment, one after the other. Returns the number of tries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let mut tries = 0;
        loop {
            while queue::relay(&self.db, &self.subscribers(), self.clock.now()).await? > 0 {}
            self.bury_abandoned().await?;
            let Some(job) = queue::claim(&self.db, self.clock.now(), self.config.lease, &[]).await? else {
                return Ok(tries);
            };
            self.deliver(job, &CancellationToken::new()).await;
            tries += 1;
        }
    }

    /// The newest of the jobs that failed for good.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        self.dead_letters_after(200, None).await
    }

    /// Jobs that failed for good, newest first: the first of them, or those behind a place.
    pub async fn dead_letters_after(&self, limit: u32, place: Option<&Place>) -> Result<Vec<DeadLetter>, StoreError> {
        queue::dead_letters(&self.db, limit, place).await
    }

    /// Gives a dead letter its tries again. False when there is none with this id.
    pub async fn replay(&self, id: &crate::shared::ids::JobId) -> Result<bool, StoreError> {
        let revived = queue::replay(&self.db, id, self.clock.now()).await?;
        self.db.new_events().notify_one();
        Ok(revived)
    }

    fn subscribers(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut by_event: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for subscription in self.subscriptions.iter() {
            by_event
                .entry(subscription.event)
                .or_default()
                .push(subscription.subscriber);
        }
        by_event
    }

    /// A due job and a slot to work it in; none when nothing is due whose subscriber has a slot.
    async fn relay_and_claim(&self, slots: &Slots) -> Result<Option<(ClaimedJob, Slot)>, StoreError> {
        queue::relay(&self.db, &self.subscribers(), self.clock.now()).await?;
        let now = self.clock.now();
        let busy = slots.taken(self.config.per_subscriber);
        if !queue::is_due(&self.db, now, &busy).await? {
            return Ok(None);
        }
        self.bury_abandoned().await?;
        let job = queue::claim(&self.db, now, self.config.lease, &busy).await?;
        Ok(job.map(|job| {
            let slot = slots.take(&job.subscriber);
            (job, slot)
        }))
    }

    async fn deliver(&self, job: ClaimedJob, interrupt: &CancellationToken) {
        let span = info_span!("job", job.id = %job.id, job.subscriber, event.name = job.event.name, job.attempt);
        async {
            let outcome = tokio::select! {
                outcome = self.handle(&job) => outcome,
                () = interrupt.cancelled() => Outcome::Interrupted,
            };
            metrics::counter!("emma_jobs_total", "subscriber" => job.subscriber.clone(), "outcome" => outcome.label())
                .increment(1);
            match &outcome {
                Outcome::Done => info!("job done"),
                Outcome::RetryAt(_, error) => warn!(error, "job failed, it will be tried again"),
                Outcome::Dead(error) => error!(error, "job failed for good"),
                Outcome::Interrupted => info!("job interrupted, the try does not count"),
            }
            if let Outcome::Dead(failure) = &outcome {
                self.give_up(&job, failure).await;
            }
            if let Err(error) = queue::settle(&self.db, &job, &outcome, self.clock.now()).await {
                error!(%error, "the end of a job could not be stored, it will run again");
            }
        }
        .instrument(span)
        .await;
    }

    /// Nobody is left who could tell of these.
    async fn bury_abandoned(&self) -> Result<(), StoreError> {
        for (job, failure) in queue::abandoned(&self.db, self.clock.now()).await? {
            error!(job.id = %job.id, job.subscriber, error = failure, "job failed for good with its worker");
            self.give_up(&job, &failure).await;
            queue::settle(&self.db, &job, &Outcome::Dead(failure), self.clock.now()).await?;
        }
        Ok(())
    }

    /// Tells the handler before it is written down: a process that dies between the two tells again.
    async fn give_up(&self, job: &ClaimedJob, failure: &str) {
        let Some(subscription) = self.subscription(job) else {
            return;
        };
        let told = std::panic::AssertUnwindSafe(subscription.handler.given_up(&job.event, failure)).catch_unwind();
        match tokio::time::timeout(GIVING_UP, told).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => error!(job.id = %job.id, %error, "a handler could not give up"),
            Ok(Err(_)) | Err(_) => error!(job.id = %job.id, "a handler panicked or hung as it gave up"),
        }
    }

    fn subscription(&self, job: &ClaimedJob) -> Option<&Subscription> {
        let wanted = |s: &&Subscription| s.event == job.event.name && s.subscriber == job.subscriber;
        self.subscriptions.iter().find(wanted)
    }

    async fn handle(&self, job: &ClaimedJob) -> Outcome {
        let Some(subscription) = self.subscription(job) else {
            return Outcome::Dead("nobody of that name subscribes to this event any more".to_owned());
        };
        let call = std::panic::AssertUnwindSafe(subscription.handler.handle(&job.event)).catch_unwind();
        let mut asked_for = Duration::ZERO;
        let failure = match tokio::time::timeout(self.config.handler_timeout, call).await {
            Ok(Ok(Ok(()))) => return Outcome::Done,
            Ok(Ok(Err(HandlerError::Fail(error)))) => return Outcome::Dead(error),
            Ok(Ok(Err(HandlerError::Retry(error)))) => error,
            Ok(Ok(Err(HandlerError::RetryAfter(error, pause)))) => {
                asked_for = pause;
                error
            }
            Ok(Err(_panic)) => "the handler panicked".to_owned(),
            Err(_) => format!(
                "the handler took longer than {} s",
                self.config.handler_timeout.as_secs()
            ),
        };
        if job.attempt >= MAX_ATTEMPTS {
            return Outcome::Dead(failure);
        }
        // Who is asked for a pause waits that long and then as long as always, so that not all come back at once.
        let pause = asked_for + pause_after(job.attempt, rand::random());
        Outcome::RetryAt(self.clock.now() + pause, failure)
    }
}

/// Who is at work. Only the runner's loop takes slots, so what it read stays true until it does.
#[derive(Clone, Default)]
struct Slots(Arc<Mutex<BTreeMap<String, usize>>>);

/// One job at work; given back when dropped.
struct Slot {
    slots: Slots,
    subscriber: String,
}

impl Slots {
    /// The subscribers that have as many jobs at work as they may.
    fn taken(&self, limit: usize) -> Vec<String> {
        let at_work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = at_work.iter().filter(|(_, jobs)| **jobs >= limit);
        full.map(|(subscriber, _)| subscriber.clone()).collect()
    }

    fn take(&self, subscriber: &str) -> Slot {
        let mut at_work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at_work.entry(subscriber.to_owned()).or_default() += 1;
        Slot {
            slots: self.clone(),
            subscriber: subscriber.to_owned(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut at_work = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = at_work.get_mut(&self.subscriber) {
            *jobs = jobs.saturating_sub(1);
        }
    }
}

impl Outcome {
    const fn label(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RetryAt(..) => "retry",
            Self::Dead(_) => "dead",
            Self::Interrupted => "interrupted",
        }
    }
}
