//! Emma without models, as a service: HTTP, events and stores over a real database.

mod analysis;
mod app;
mod bad_input;
mod calls;
mod crash;
mod decisions;
mod embeddings;
mod engines;
mod erasing;
mod events;
mod fakes;
mod http_api;
mod idempotency;
mod llm;
mod mind;
mod plans;
mod raw_peer;
mod recordings;
mod remote_speech;
mod store_contract;
mod talk;
mod torre;
mod traces;
mod ws_call;
