//! Adapters and HTTP.

pub mod agent_file;
pub mod elevenlabs;
pub mod http;
pub mod kokoro;
pub mod moonshine;
pub mod openai_speech;
pub mod piper;
pub mod recording;
pub mod remote;
pub mod silero;
pub mod smart_turn;
pub mod steering_file;
pub mod store;
pub mod transcriber;
pub mod voice;
pub mod voice_cache;
pub mod waiting;
pub mod webrtc;
pub mod websocket;
pub mod whisper;
