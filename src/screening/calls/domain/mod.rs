//! Pure decisions of a call and the ports it needs: no IO, no clock.

pub mod attempt;
pub mod audio;
pub mod call;
pub mod conversation;
pub mod coverage;
pub mod interviewer;
pub mod ports;
pub mod segment;
pub mod speakable;
pub mod status;
pub mod store;
pub mod transcript;
pub mod turn_policy;
