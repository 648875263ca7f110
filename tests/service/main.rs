//! Emma without models, as a service: HTTP, events and stores over a real database.

mod app;
mod events;
mod http_api;
mod llm;
mod mind;
mod store_contract;
