//! Pure decisions and the ports they need: no IO, no clock.

pub mod job_offer;
pub mod posting;
pub mod candidate;
pub mod application;
pub mod invitation;
pub mod consent;
pub mod ports;
