//! Adapters and HTTP.

pub mod webrtc;
