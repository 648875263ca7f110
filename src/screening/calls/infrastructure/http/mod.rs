//! Routes of calls.

pub mod calls;
pub mod door;
pub mod interviews;
mod shown;
pub mod ws_call;
