//! HTTP in the same words everywhere: problems, extractors, authentication, idempotency, headers.

pub mod auth;
pub mod dead_letters;
pub mod entrance;
pub mod extract;
pub mod health;
pub mod idempotency;
pub mod page;
pub mod pages;
pub mod problem;
pub mod protect;
