//! Pure decisions of a call and the ports it needs: no IO, no clock.

pub mod audio;
pub mod call;
pub mod conversation;
pub mod coverage;
<<<<<<< HEAD
pub mod interviewer;
pub mod gateway;
pub mod ports;
pub mod segment;
pub mod transcript;
pub mod speakable;
=======
pub mod ports;
pub mod segment;
>>>>>>> d2ec716 (Convert Whisper weights to ggml and to 8-bit blocks, bit for bit as published)
pub mod status;
pub mod store;
pub mod turn_policy;
