//! Adapters.

pub mod e5;
pub mod local;
pub mod minilm;
pub mod openrouter;
pub mod role_search;
