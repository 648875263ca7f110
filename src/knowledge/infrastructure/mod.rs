//! Adapters.

pub mod minilm;
pub mod openrouter;
pub mod role_search;
