//! Pure decisions and the ports they need: no IO, no clock.

pub mod application;
pub mod candidate;
pub mod consent;
pub mod demo;
pub mod directory;
pub mod invitation;
pub mod job_offer;
pub mod plan;
pub mod ports;
pub mod posting;
