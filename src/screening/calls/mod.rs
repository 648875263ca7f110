//! Live calls: media, turn-taking, the interviewer, the transcript.

pub mod domain;
pub mod application;
pub mod infrastructure;
