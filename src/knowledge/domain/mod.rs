//! Pure ranking.

mod concepts;
pub mod ranking;
