//! A running call: the live loop and what stands around it.

pub mod ears;
pub mod playout;
