//! Routes of calls.

pub mod calls;
pub mod interviews;
pub mod ws_call;
