//! Adapters and HTTP.

pub mod calls;
pub mod documents;
pub mod erasing;
pub mod http;
pub mod plans;
pub mod store;
pub mod torre;
