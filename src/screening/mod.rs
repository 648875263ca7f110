//! The screening context: applications come in, calls are held, answers are analysed.

pub mod analysis;
pub mod applications;
pub mod calls;
pub mod shared;
