//! Routes of calls.

pub mod calls;
pub mod interviews;
