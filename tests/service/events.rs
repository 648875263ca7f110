//! Events on their way: at least once, each subscriber on its own, three tries, then a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use emma::shared::clock::Clock as _;
use emma::shared::events::Event;
use emma::shared::jobs::runner::{JobRunner, RunnerConfig};
use emma::shared::jobs::{EventHandler, HandlerError, Subscription};
use emma::shared::outbox;
use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::TestDb;

/// Counts, and fails as often as it is told to.
#[derive(Default)]
struct Counting {
    calls: AtomicU32,
    fail_first: u32,
    fatal: bool,
    panics: bool,
    called: Notify,
    told: AtomicU32,
}

#[async_trait]
impl EventHandler for Counting {
    async fn handle(&self, _: &Event) -> Result<(), HandlerError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.called.notify_one();
        assert!(!self.panics, "this handler is broken");
        match call <= self.fail_first {
            true if self.fatal => Err(HandlerError::Fail("never".to_owned())),
            true => Err(HandlerError::Retry("not yet".to_owned())),
            false => Ok(()),
        }
    }

    async fn given_up(&self, _: &Event, failure: &str) -> Result<(), HandlerError> {
        assert!(["never", "not yet"].contains(&failure), "{failure}");
        self.told.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Counting {
    fn failing(times: u32) -> Arc<Self> {
        Arc::new(Self {
            fail_first: times,
            ..Self::default()
        })
    }

    fn count(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

fn runner(base: &TestDb, handlers: &[(&'static str, Arc<dyn EventHandler>)]) -> JobRunner {
    configured(base, handlers, RunnerConfig::default())
}

fn configured(base: &TestDb, handlers: &[(&'static str, Arc<dyn EventHandler>)], config: RunnerConfig) -> JobRunner {
    let subscriptions = handlers
        .iter()
        .map(|(subscriber, handler)| Subscription {
            event: "Happened",
            subscriber,
            handler: handler.clone(),
        })
        .collect();
    JobRunner::new(base.db.clone(), base.clock.clone(), subscriptions, config)
}

async fn publish(base: &TestDb) {
    let mut write = base.db.write().await.expect("a transaction");
    let event = Event::new("Happened", "thing_1", base.clock.now(), &serde_json::json!({ "n": 1 }));
    outbox::append(&mut write, &event).await.expect("stored");
    write.commit().await.expect("stored");
}

// spec: APP-5
#[tokio::test]
async fn an_event_goes_with_its_transaction() {
    let base = TestDb::open().await;
    let seen = Counting::failing(0);
    let runner = runner(&base, &[("one", seen.clone())]);
    {
        let mut write = base.db.write().await.expect("a transaction");
        let event = Event::new("Happened", "thing_1", base.clock.now(), &());
        outbox::append(&mut write, &event).await.expect("stored");
        // Dropped: rolled back.
    }
    assert_eq!(runner.run_due().await.expect("a queue"), 0);
    publish(&base).await;
    assert_eq!(runner.run_due().await.expect("a queue"), 1);
    assert_eq!(runner.run_due().await.expect("a queue"), 0, "delivered once");
    assert_eq!(seen.count(), 1);
}

// spec: APP-6
#[tokio::test]
async fn three_tries_with_growing_pauses_then_a_dead_letter_that_can_be_replayed() {
    let base = TestDb::open().await;
    let (sick, well) = (Counting::failing(3), Counting::failing(0));
    let runner = runner(&base, &[("sick", sick.clone()), ("well", well.clone())]);
    publish(&base).await;
    runner.run_due().await.expect("a queue");
    assert_eq!(
        (sick.count(), well.count()),
        (1, 1),
        "one failing does not block the other"
    );
    base.clock.turn(TimeDelta::milliseconds(1_400));
    assert_eq!(runner.run_due().await.expect("a queue"), 0, "too early");
    base.clock.turn(TimeDelta::milliseconds(1_200));
    assert_eq!(runner.run_due().await.expect("a queue"), 1);
    base.clock.turn(TimeDelta::seconds(5));
    assert_eq!(
        runner.run_due().await.expect("a queue"),
        0,
        "the second pause is longer"
    );
    base.clock.turn(TimeDelta::seconds(6));
    assert_eq!(sick.told.load(Ordering::SeqCst), 0, "a try is left");
    assert_eq!(runner.run_due().await.expect("a queue"), 1);
    assert_eq!(sick.told.load(Ordering::SeqCst), 1, "it is told that it was the last");
    base.clock.turn(TimeDelta::days(1));
    assert_eq!(runner.run_due().await.expect("a queue"), 0, "three tries are all");

    let letters = runner.dead_letters().await.expect("readable");
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (letter.subscriber.as_str(), letter.event.as_str(), letter.attempts),
        ("sick", "Happened", 3)
    );
    assert_eq!(letter.last_error, "not yet");
    assert!(runner.replay(&letter.id).await.expect("stored"));
    assert!(
        !runner.replay(&letter.id).await.expect("stored"),
        "it is no dead letter any more"
    );
    assert_eq!(runner.run_due().await.expect("a queue"), 1);
    assert_eq!((sick.count(), well.count()), (4, 1));
    assert_eq!(runner.dead_letters().await.expect("readable"), []);
}

#[tokio::test]
async fn what_can_never_work_is_not_tried_again_and_a_panic_is_a_failure() {
    let base = TestDb::open().await;
    let fatal = Arc::new(Counting {
        fail_first: 9,
        fatal: true,
        ..Counting::default()
    });
    let broken = Arc::new(Counting {
        panics: true,
        ..Counting::default()
    });
    let runner = runner(&base, &[("fatal", fatal.clone()), ("broken", broken.clone())]);
    publish(&base).await;
    assert_eq!(runner.run_due().await.expect("a queue"), 2);
    let letters = runner.dead_letters().await.expect("readable");
    assert_eq!(
        letters.iter().map(|l| l.subscriber.as_str()).collect::<Vec<_>>(),
        ["fatal"]
    );
    assert_eq!(
        (fatal.told.load(Ordering::SeqCst), broken.told.load(Ordering::SeqCst)),
        (1, 0)
    );
    base.clock.turn(TimeDelta::minutes(1));
    runner.run_due().await.expect("a queue");
    assert_eq!((fatal.count(), broken.count()), (1, 2));
}

/// Never comes back; tells of the beginning, and of being given up.
struct Hanging(Arc<Notify>);

#[async_trait]
impl EventHandler for Hanging {
    async fn handle(&self, _: &Event) -> Result<(), HandlerError> {
        self.0.notify_one();
        std::future::pending().await
    }

    async fn given_up(&self, _: &Event, _: &str) -> Result<(), HandlerError> {
        self.0.notify_one();
        Ok(())
    }
}

// spec: APP-6
#[tokio::test]
async fn a_job_whose_worker_died_is_taken_up_after_its_lease() {
    let base = TestDb::open().await;
    let begun = Arc::new(Notify::new());
    publish(&base).await;
    {
        let dying = runner(
            &base,
            &[("one", Arc::new(Hanging(begun.clone())) as Arc<dyn EventHandler>)],
        );
        tokio::select! {
            _ = dying.run_due() => panic!("it hangs"),
            () = begun.notified() => {}
        }
    }
    let seen = Counting::failing(0);
    let next = runner(&base, &[("one", seen.clone())]);
    assert_eq!(next.run_due().await.expect("a queue"), 0, "the lease still runs");
    base.clock.turn(TimeDelta::minutes(6));
    assert_eq!(next.run_due().await.expect("a queue"), 1);
    assert_eq!(seen.count(), 1);
}

#[tokio::test]
async fn a_job_that_kills_its_worker_each_time_becomes_a_dead_letter() {
    let base = TestDb::open().await;
    let begun = Arc::new(Notify::new());
    publish(&base).await;
    let deadly = runner(
        &base,
        &[("one", Arc::new(Hanging(begun.clone())) as Arc<dyn EventHandler>)],
    );
    for _ in 0..3 {
        tokio::select! {
            _ = deadly.run_due() => panic!("it hangs"),
            () = begun.notified() => {}
        }
        base.clock.turn(TimeDelta::minutes(6));
    }
    assert_eq!(deadly.run_due().await.expect("a queue"), 0);
    assert!(
        begun.notified().now_or_never().is_some(),
        "it is told though no try ended"
    );
    assert_eq!(
        deadly.dead_letters().await.expect("readable")[0].last_error,
        "the worker stopped"
    );
}

#[tokio::test]
async fn a_new_subscriber_of_the_same_event_does_not_disturb_the_others() {
    let base = TestDb::open().await;
    let seen = Counting::failing(0);
    publish(&base).await;
    runner(&base, &[("one", seen.clone())])
        .run_due()
        .await
        .expect("a queue");
    let later = Counting::failing(0);
    let both = runner(&base, &[("one", seen.clone()), ("two", later.clone())]);
    publish(&base).await;
    both.run_due().await.expect("a queue");
    assert_eq!((seen.count(), later.count()), (2, 1));
}

#[tokio::test]
async fn the_running_loop_wakes_delivers_and_stops() {
    let base = TestDb::open().await;
    let seen = Counting::failing(0);
    let runner = runner(&base, &[("one", seen.clone())]);
    let stop = CancellationToken::new();
    let running = tokio::spawn(runner.run(stop.clone()));
    publish(&base).await;
    base.db.new_events().notify_one();
    let waited = tokio::time::timeout(Duration::from_secs(20), seen.called.notified()).await;
    assert!(waited.is_ok(), "the event was not delivered");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), running)
        .await
        .expect("it stops")
        .expect("without a panic");
    assert_eq!(seen.count(), 1);
}

// spec: APP-6
#[tokio::test]
async fn a_job_that_a_stop_interrupts_keeps_its_three_tries() {
    let base = TestDb::open().await;
    let begun = Arc::new(Notify::new());
    publish(&base).await;
    for restart in 0..4 {
        let hanging = Arc::new(Hanging(begun.clone())) as Arc<dyn EventHandler>;
        let impatient = configured(
            &base,
            &[("one", hanging)],
            RunnerConfig {
                grace: Duration::ZERO,
                ..RunnerConfig::default()
            },
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn(impatient.run(stop.clone()));
        tokio::time::timeout(Duration::from_secs(20), begun.notified())
            .await
            .unwrap_or_else(|_| panic!("it was not taken up after {restart} restarts"));
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), running)
            .await
            .expect("it stops")
            .expect("without a panic");
    }
    let (status, attempts): (String, u32) = sqlx::query_as("SELECT status, attempts FROM jobs")
        .fetch_one(base.db.reader())
        .await
        .expect("one job");
    assert_eq!((status.as_str(), attempts), ("pending", 0));
}

// spec: APP-6
#[tokio::test]
async fn what_was_delivered_long_ago_is_deleted_and_what_was_not_stays() {
    let base = TestDb::open().await;
    let (sick, well) = (Counting::failing(9), Counting::failing(0));
    // Delivered to everybody, more of them than are deleted at a time.
    for _ in 0..210 {
        publish(&base).await;
    }
    runner(&base, &[("well", well.clone())])
        .run_due()
        .await
        .expect("a queue");
    // One of two failed for good.
    publish(&base).await;
    let both = runner(&base, &[("well", well.clone()), ("sick", sick.clone())]);
    for _ in 0..3 {
        both.run_due().await.expect("a queue");
        base.clock.turn(TimeDelta::minutes(1));
    }
    base.clock.turn(TimeDelta::days(31));
    // A late one, delivered just now, and one that waits.
    publish(&base).await;
    runner(&base, &[("well", well.clone())])
        .run_due()
        .await
        .expect("a queue");
    publish(&base).await;
    let counts = async || -> (i64, i64) {
        sqlx::query_as("SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM jobs)")
            .fetch_one(base.db.reader())
            .await
            .expect("readable")
    };
    assert_eq!(counts().await, (213, 213));

    let last = Arc::new(Notify::new());
    let keeping = runner(
        &base,
        &[("late", Arc::new(Hanging(last.clone())) as Arc<dyn EventHandler>)],
    );
    let running = tokio::spawn(keeping.run(CancellationToken::new()));
    tokio::time::timeout(Duration::from_secs(20), last.notified())
        .await
        .expect("it is pruned before it is delivered");
    running.abort();
    assert_eq!(
        counts().await,
        (3, 4),
        "the dead letter with both its jobs, the late one, the last one"
    );
    assert_eq!(both.dead_letters().await.expect("readable").len(), 1);
}

/// Lets through as many permits as it was called.
struct Counted(Arc<tokio::sync::Semaphore>);

#[async_trait]
impl EventHandler for Counted {
    async fn handle(&self, _: &Event) -> Result<(), HandlerError> {
        self.0.add_permits(1);
        Ok(())
    }
}

// spec: APP-6
#[tokio::test]
async fn a_subscriber_that_hangs_leaves_the_others_their_turn() {
    let base = TestDb::open().await;
    let (begun, done) = (Arc::new(Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
    let runner = runner(
        &base,
        &[
            ("stuck", Arc::new(Hanging(begun)) as Arc<dyn EventHandler>),
            ("stuck-too", Arc::new(Hanging(Arc::default()))),
            ("well", Arc::new(Counted(done.clone()))),
        ],
    );
    for _ in 0..12 {
        publish(&base).await;
    }
    let running = tokio::spawn(runner.run(CancellationToken::new()));
    let all = tokio::time::timeout(Duration::from_secs(20), done.acquire_many(12)).await;
    running.abort();
    assert!(
        all.is_ok(),
        "only {} of 12 events reached the subscriber that is well",
        done.available_permits()
    );
}

// spec: APP-6
#[tokio::test]
async fn subscribers_that_fail_together_do_not_come_back_together() {
    let base = TestDb::open().await;
    let names: [&'static str; 6] = ["a", "b", "c", "d", "e", "f"];
    let sick: Vec<_> = names
        .map(|name| (name, Counting::failing(9) as Arc<dyn EventHandler>))
        .to_vec();
    let runner = runner(&base, &sick);
    publish(&base).await;
    runner.run_due().await.expect("a queue");
    let waits: Vec<(i64,)> = sqlx::query_as("SELECT run_at FROM jobs")
        .fetch_all(base.db.reader())
        .await
        .expect("readable");
    let now = base.clock.now().timestamp_millis();
    assert!(
        waits.iter().all(|(at,)| (1_500..=2_500).contains(&(at - now))),
        "{waits:?}"
    );
    let different: std::collections::BTreeSet<_> = waits.iter().collect();
    assert!(different.len() > 1, "all of them wait equally long: {waits:?}");
}
