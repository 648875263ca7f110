//! Written text made speakable, and where it may be cut. Pure: text in, text out.

pub mod clauses;
