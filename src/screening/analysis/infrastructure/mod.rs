//! Adapters and HTTP.
