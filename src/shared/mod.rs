//! What at least two contexts use, and nothing else.

pub mod clock;
pub mod db;
pub mod embeddings;
pub mod erased;
pub mod errors;
pub mod events;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod llm;
pub mod media;
pub mod memory;
pub mod models;
pub mod onnx;
pub mod onnx_proto;
pub mod outbox;
pub mod prompts;
pub mod secrets;
pub mod telemetry;
pub mod traces;
pub mod upstream;
pub mod word_errors;
