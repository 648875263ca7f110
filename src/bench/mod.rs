//! Measurements anybody can repeat. Nothing here runs in a call.

pub mod voice;
