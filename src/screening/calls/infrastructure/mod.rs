//! Adapters and HTTP.

pub mod kokoro;
pub mod piper;
pub mod voice;
pub mod voice_cache;
