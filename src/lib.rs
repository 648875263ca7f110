//! Emma, the open voice screening interviewer.

pub mod shared;
pub mod screening;
pub mod bench;
