//! Job offers, candidates, applications, invitations and the interview plan made from an offer.

pub mod application;
pub mod domain;
pub mod infrastructure;
