//! What at least two contexts use, and nothing else.

pub mod clock;
pub mod errors;
pub mod ids;
pub mod media;
pub mod models;
pub mod onnx;
