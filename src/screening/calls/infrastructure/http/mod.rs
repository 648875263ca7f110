//! Routes of calls.

pub mod calls;
