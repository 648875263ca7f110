//! How much a peer may send.

use tokio::time::Instant;

/// A bucket that fills by so much a second; what is taken must be in it.
#[derive(Debug)]
pub struct Bucket {
    left: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one that holds `most`.
    pub fn new(most: f64, per_second: f64, now: Instant) -> Self {
        Self {
            left: most,
            most,
            per_second,
            filled: now,
        }
    }

    /// Takes so much; false, and nothing taken, where there is less.
    pub fn take(&mut self, count: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.left = (self.left + passed * self.per_second).min(self.most);
        let enough = self.left >= count;
        if enough {
            self.left -= count;
        }
        enough
    }

    fn is_half_full(&self) -> bool {
        self.left >= self.most / 2.0
    }
}

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Take,
    /// The first one too many.
    Complain,
    Drop,
}

/// Messages: so many a second, twice as many at once. A flood is complained about once.
#[derive(Debug)]
pub struct Allowance {
    bucket: Bucket,
    complained: bool,
}

impl Allowance {
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self {
            bucket: Bucket::new(per_second * 2.0, per_second, now),
            complained: false,
        }
    }

    pub fn judge(&mut self, now: Instant) -> Verdict {
        if self.bucket.take(1.0, now) {
            // A flood is over when half the bucket is full again, not at the first gap in it.
            self.complained &= !self.bucket.is_half_full();
            Verdict::Take
        } else if self.complained {
            Verdict::Drop
        } else {
            self.complained = true;
            Verdict::Complain
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_complained_about_once() {
        let start = Instant::now();
        let mut allowance = Allowance::new(10, start);
        let (mut taken, mut complaints) = (0, 0);
        for i in 0..1000 {
            match allowance.judge(start + Duration::from_millis(i)) {
                Verdict::Take => taken += 1,
                Verdict::Complain => complaints += 1,
                Verdict::Drop => {}
            }
        }
        assert!((20..=30).contains(&taken), "{taken}");
        assert_eq!(complaints, 1);
    }
}
