//! Adapters and HTTP.

pub mod documents;
pub mod store;
