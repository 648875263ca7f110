//! Meaning and retrieval: embeddings of texts, search in what a job offer states.

pub mod domain;
pub mod infrastructure;
