//! What the three modules of screening share: identifiers and the interview plan. Nothing with behaviour of its own.

pub mod ids;
pub mod plan;
