//! Live calls: media, turn-taking, the interviewer, the transcript.

pub mod application;
pub mod domain;
pub mod infrastructure;
