//! Whether a remote service is asked at all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::screening::calls::domain::ports::SpeechError;

/// Failures in a row after which a service is left alone: each one has kept somebody waiting.
const FAILURES: u32 = 2;
/// How long it is left alone at first; each failed trial doubles that.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// A service that asks for a pause without saying how long.
const UNSAID_PAUSE: Duration = Duration::from_secs(15);
/// No service decides over more than this.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_hours(1);
/// One request tries a service out after its pause; others are kept away from it for so long.
const TRIAL: Duration = Duration::from_secs(10);

/// Opens when a service fails, so that nobody waits for it, and lets a trial through from time to time.
#[derive(Debug)]
pub struct Circuit {
    name: &'static str,
    state: Mutex<State>,
}

/// How a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Asked,
    /// Left alone for this much longer.
    Paused(Duration),
    /// It refused our key: not asked again in this run.
    KeyRefused,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Off,
}

impl Circuit {
    /// `name` is what logs, metrics and health call the service.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a request may go out now. After a pause one request may, as a trial.
    pub fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => true,
            State::Open { until, pause } if until <= now => {
                let until = now + TRIAL;
                *state = State::Open { until, pause };
                true
            }
            State::Open { .. } | State::Off => false,
        }
    }

    pub fn succeeded(&self) {
        let mut state = self.lock();
        if matches!(*state, State::Open { .. }) {
            info!(speech.adapter = self.name, "the service works again");
        }
        *state = State::Closed { failures: 0 };
    }

    /// Takes note of a failure. What nobody wanted any more is none.
    pub fn failed(&self, error: &SpeechError, now: Instant) {
        let mut state = self.lock();
        let next = match (error, *state) {
            (SpeechError::Cancelled, _) | (_, State::Off) => return,
            (SpeechError::KeyRefused, _) => State::Off,
            (SpeechError::RateLimited { retry_after }, _) => State::Open {
                until: now + retry_after.unwrap_or(UNSAID_PAUSE).min(LONGEST_ASKED_PAUSE),
                pause: PAUSE,
            },
            (_, State::Closed { failures }) if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            (_, State::Closed { .. }) => State::Open {
                until: now + PAUSE,
                pause: PAUSE,
            },
            (_, State::Open { pause, .. }) => {
                let pause = (pause * 2).min(LONGEST_PAUSE);
                State::Open {
                    until: now + pause,
                    pause,
                }
            }
        };
        *state = next;
        match next {
            State::Off => warn!(
                speech.adapter = self.name,
                "the service refused the key; it is not asked again until the next start"
            ),
            State::Open { until, .. } => {
                let pause_s = until.saturating_duration_since(now).as_secs();
                warn!(
                    speech.adapter = self.name,
                    pause_s, "the service is left alone for a while"
                );
            }
            State::Closed { .. } => {}
        }
    }

    pub fn standing(&self, now: Instant) -> Standing {
        match *self.lock() {
            State::Off => Standing::KeyRefused,
            State::Open { until, .. } if until > now => Standing::Paused(until - now),
            State::Open { .. } | State::Closed { .. } => Standing::Asked,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> SpeechError {
        SpeechError::Failed("down".to_owned())
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_trial_closes_it() {
        let circuit = Circuit::new("test");
        let start = Instant::now();
        circuit.failed(&broken(), start);
        circuit.succeeded();
        circuit.failed(&broken(), start);
        assert!(circuit.admits(start), "one failure is not enough");
        circuit.failed(&SpeechError::TimedOut, start);
        assert!(!circuit.admits(start));
        assert_eq!(circuit.standing(start), Standing::Paused(PAUSE));
        let later = start + PAUSE;
        assert!(circuit.admits(later), "one request tries it out");
        assert!(!circuit.admits(later), "the others do not wait for it");
        circuit.failed(&broken(), later);
        assert!(!circuit.admits(later + PAUSE), "a failed trial doubles the pause");
        assert!(circuit.admits(later + 2 * PAUSE));
        circuit.succeeded();
        assert_eq!(circuit.standing(later), Standing::Asked);
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn a_trial_that_nobody_finishes_makes_room_for_another() {
        let circuit = Circuit::new("test");
        let start = Instant::now();
        circuit.failed(&SpeechError::RateLimited { retry_after: None }, start);
        let later = start + UNSAID_PAUSE;
        assert!(circuit.admits(later));
        assert!(circuit.admits(later + TRIAL));
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn a_bad_key_opens_it_for_the_whole_run() {
        let circuit = Circuit::new("test");
        let start = Instant::now();
        circuit.failed(&SpeechError::KeyRefused, start);
        assert!(!circuit.admits(start + Duration::from_hours(48)));
        circuit.failed(&broken(), start);
        assert_eq!(circuit.standing(start), Standing::KeyRefused);
    }

    // spec: CALL-10
    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_lasts_as_long_as_the_service_says() {
        let circuit = Circuit::new("test");
        let start = Instant::now();
        let retry_after = Some(Duration::from_secs(7));
        circuit.failed(&SpeechError::RateLimited { retry_after }, start);
        assert!(!circuit.admits(start + Duration::from_secs(6)));
        assert!(circuit.admits(start + Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_wanted_any_more_is_no_failure() {
        let circuit = Circuit::new("test");
        let now = Instant::now();
        for _ in 0..10 {
            circuit.failed(&SpeechError::Cancelled, now);
        }
        assert!(circuit.admits(now));
    }
}
