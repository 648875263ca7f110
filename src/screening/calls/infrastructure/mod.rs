//! Adapters and HTTP.

pub mod store;
pub mod http;
pub mod webrtc;
