//! What an assessment is, how it is made and what must hold for it. Pure.

pub mod analysis;
pub mod assessment;
pub mod claims;
mod clause;
pub mod invariants;
pub mod model_scorer;
pub mod scorer;
pub mod statements;
