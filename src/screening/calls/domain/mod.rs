//! Pure decisions of a call and the ports it needs: no IO, no clock.

pub mod audio;
pub mod call;
pub mod coverage;
pub mod ports;
pub mod segment;
pub mod speakable;
pub mod status;
pub mod store;
