//! What contexts tell each other, after the fact.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::shared::ids::EventId;

/// Something that happened, on its way to whoever wants to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Stays the same when the event is delivered again.
    pub id: EventId,
    /// E.g. `CallFinished`.
    pub name: String,
    /// The id of what it happened to.
    pub subject: String,
    pub time: DateTime<Utc>,
    pub data: Value,
}

impl Event {
    /// A new event with `data` as its body.
    ///
    /// # Panics
    /// Never: event bodies are plain structs with text keys, which always serialize.
    pub fn new(name: &str, subject: &str, time: DateTime<Utc>, data: &impl Serialize) -> Self {
        let data = serde_json::to_value(data).expect("event bodies have text keys only");
        Self {
            id: EventId::generate(),
            name: name.to_owned(),
            subject: subject.to_owned(),
            time,
            data,
        }
    }

    /// The body as the type its publisher wrote.
    ///
    /// # Errors
    /// When the body is of another type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.data)
    }
}
