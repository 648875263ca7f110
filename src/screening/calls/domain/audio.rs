//! Audio shapes and the call's clock. Everything in a call is placed on [`CallTime`].

use serde::{Deserialize, Serialize};

/// Sampling rate of everything the ears work on.
pub const EAR_RATE_HZ: u32 = 16_000;
/// Samples of candidate audio in one link frame: 20 ms at 16 kHz.
pub const EAR_FRAME: usize = 320;
/// Samples of candidate audio in one voice-activity frame: 32 ms at 16 kHz.
pub const VAD_FRAME: usize = 512;
/// Sampling rate of what Emma says on the wire.
pub const VOICE_RATE_HZ: u32 = 48_000;
/// Samples of Emma's audio in one packet: 20 ms at 48 kHz.
pub const VOICE_FRAME: usize = 960;

/// Milliseconds since the call's media clock started. A resumed call goes on where it stopped.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct CallTime(pub u64);

impl CallTime {
    pub const ZERO: Self = Self(0);

    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    pub const fn ms(self) -> u64 {
        self.0
    }

    /// This moment plus `ms` milliseconds.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This moment minus `ms` milliseconds, not before the start of the call.
    #[must_use]
    pub const fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to this moment, 0 when it is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment at the end of `samples` samples of 16 kHz audio.
    pub const fn from_ear_samples(samples: u64) -> Self {
        Self(samples / 16)
    }

    /// Index of the first 16 kHz sample of this moment.
    pub const fn ear_sample(self) -> u64 {
        self.0 * 16
    }
}

/// A stretch of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub start: CallTime,
    pub end: CallTime,
}

impl Span {
    pub const fn duration_ms(self) -> u64 {
        self.end.since(self.start)
    }
}
