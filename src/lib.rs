//! Emma, the open voice screening interviewer.
//!
//! How a call flows through this crate: a candidate's connection comes in over [`screening::calls`]'s WebRTC adapter,
//! the session cuts its audio into voice-activity frames and feeds them to the pure conversation, which asks for
//! transcripts, judgements and replies and says what to speak; the playout clock tells it what was heard. What was said
//! is stored as it happens. The finished call goes to [`screening::analysis`] by an event.
//!
//! Modules in reading order.

pub mod bench;
pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod knowledge;
pub mod router;
pub mod screening;
pub mod shared;
pub mod talk;
