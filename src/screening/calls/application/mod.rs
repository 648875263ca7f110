//! A running call: the live loop and what stands around it.

pub mod service;
pub mod session;
pub mod interviewing;
pub mod messages;
pub mod voice;
pub mod playout;
pub mod ears;
pub mod diary;
pub mod live;
