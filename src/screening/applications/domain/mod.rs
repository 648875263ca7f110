//! Pure decisions and the ports they need: no IO, no clock.
