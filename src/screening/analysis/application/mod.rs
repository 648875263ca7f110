//! Use cases: one file each.

pub mod analyse;
