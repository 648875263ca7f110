//! Calendar time as a port, so that tests can turn it.

use chrono::{DateTime, Utc};

/// Tells the calendar time.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the calendar")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
