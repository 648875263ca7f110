//! Adapters and HTTP.

pub mod http;
pub mod store;
