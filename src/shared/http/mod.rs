//! HTTP in the same words everywhere: problems, extractors, authentication, idempotency, headers.

pub mod auth;
pub mod extract;
pub mod idempotency;
pub mod page;
pub mod problem;
pub mod protect;
