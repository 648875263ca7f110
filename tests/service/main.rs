//! Emma without models, as a service: HTTP, events and stores over a real database.

mod app;
mod engines;
mod events;
mod http_api;
mod recordings;
mod remote_speech;
mod store_contract;
mod ws_call;
