//! HTTP in the same words everywhere: problems, extractors, authentication, idempotency, headers.

pub mod problem;
pub mod extract;
pub mod auth;
pub mod idempotency;
pub mod page;
pub mod protect;
