//! Adapters and HTTP.

pub mod store;
pub mod documents;
