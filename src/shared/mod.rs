//! What at least two contexts use, and nothing else.

pub mod clock;
pub mod errors;
pub mod ids;
pub mod secrets;
pub mod db;
pub mod events;
pub mod outbox;
pub mod jobs;
pub mod http;
pub mod telemetry;
pub mod media;
pub mod models;
pub mod onnx;
