//! Adapters.

pub mod minilm;
pub mod role_search;
