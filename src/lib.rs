//! Emma, the open voice screening interviewer.

pub mod bench;
pub mod cli;
pub mod config;
pub mod knowledge;
pub mod screening;
pub mod shared;
pub mod talk;
pub mod bench;
