//! Pure ranking.

pub mod ranking;
