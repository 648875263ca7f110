//! A running call: the live loop and what stands around it.

pub mod diary;
pub mod ears;
pub mod emma;
pub mod guided;
pub mod interviewing;
pub mod live;
pub mod messages;
pub mod open;
pub mod playout;
pub mod recorded;
pub mod second_look;
pub mod service;
pub mod session;
pub mod spans;
pub mod voice;
pub mod withdraw;
