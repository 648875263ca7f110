//! The assessment of a finished call.

pub mod domain;
pub mod application;
pub mod infrastructure;
