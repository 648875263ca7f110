//! Measurements anybody can repeat: how well Emma hears, and how fast. Nothing here runs in a call.
//!
//! Every measurement takes the engines as ports and gives back a report that can be printed.

pub mod analysis;
pub mod guardrails;
pub mod llm_server;
pub mod memory;
pub mod noise;
pub mod retrieval;
pub mod segments;
pub mod turns;
pub mod voice;
pub mod words;

mod audio;
mod synth;
