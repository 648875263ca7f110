//! The assessment of a finished call.

pub mod application;
pub mod domain;
pub mod infrastructure;
