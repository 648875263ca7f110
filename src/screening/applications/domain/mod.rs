//! Pure decisions and the ports they need: no IO, no clock.

pub mod job_offer;
