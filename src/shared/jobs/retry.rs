//! When a failed job is tried again.

use std::time::Duration;

/// Tries before a job is laid aside.
pub const MAX_ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const GROWTH: u32 = 4;

/// The pause after the given failed attempt (1 is the first): 2 s, 8 s, ... each up to 25 % longer or shorter,
/// so that jobs that failed together do not come back together.
///
/// `jitter` is anywhere from 0 to 1.
pub fn pause_after(attempt: u32, jitter: f64) -> Duration {
    let pause = FIRST_PAUSE * GROWTH.saturating_pow(attempt.saturating_sub(1).min(6));
    pause.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_spread() {
        assert_eq!(pause_after(1, 0.5), Duration::from_secs(2));
        assert_eq!(pause_after(2, 0.5), Duration::from_secs(8));
        assert_eq!(pause_after(1, 0.0), Duration::from_millis(1500));
        assert_eq!(pause_after(1, 1.0), Duration::from_millis(2500));
        assert!(pause_after(u32::MAX, 1.0) < Duration::from_hours(3));
    }
}
