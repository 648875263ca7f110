//! Use cases: one file each.

pub mod analyse;
pub mod forget_replies;
pub mod score_by_model;
pub mod score_by_rules;
