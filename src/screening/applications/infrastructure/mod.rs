//! Adapters and HTTP.

pub mod calls;
pub mod documents;
pub mod store;
