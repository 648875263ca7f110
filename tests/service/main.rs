//! Emma without models, as a service: HTTP, events and stores over a real database.

mod analysis;
mod app;
mod calls;
mod events;
mod fakes;
mod http_api;
mod store_contract;
