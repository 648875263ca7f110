//! Pure decisions of a call and the ports it needs: no IO, no clock.

pub mod audio;
pub mod call;
pub mod coverage;
pub mod status;
pub mod segment;
pub mod ports;
pub mod store;
pub mod turn_policy;
