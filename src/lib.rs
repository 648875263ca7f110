//! Emma, the open voice screening interviewer.

pub mod screening;
pub mod shared;
