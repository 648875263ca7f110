//! Identifiers: one newtype per thing, written `prefix_` + 32 hex digits of a time-ordered UUID.

use std::fmt;

/// A text that is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id (expected {prefix}_ followed by 32 hex digits)")]
pub struct InvalidId {
    pub kind: &'static str,
    pub prefix: &'static str,
}

/// The 32 hex digits of a fresh UUID version 7; sorts by creation time.
#[expect(clippy::disallowed_methods, reason = "the one place that makes identifiers")]
pub fn fresh_hex() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// Declares an id newtype with `generate`, `parse`, `as_str`, `Display` and serde.
#[macro_export]
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            /// Makes a new identifier.
            pub fn generate() -> Self {
                Self(format!("{}_{}", $prefix, $crate::shared::ids::fresh_hex()))
            }

            /// Reads an identifier that came from outside.
            ///
            /// # Errors
            /// When the text has another prefix or is not 32 hex digits after it.
            pub fn parse(text: &str) -> Result<Self, $crate::shared::ids::InvalidId> {
                if $crate::shared::ids::is_id(text, $prefix) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::shared::ids::InvalidId { kind: stringify!($name), prefix: $prefix })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Whether `text` is `prefix` + `_` + 32 hex digits.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

define_id!(
    /// A domain event; consumers use it to recognise a redelivery.
    EventId, "evt"
);
define_id!(
    /// One delivery of an event to one subscriber.
    JobId, "dlv"
);

/// Shows only the tail of a text that should not be read in a log.
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…({} chars)", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_parsing_and_another_kind_is_refused() {
        let id = EventId::generate();
        assert_eq!(EventId::parse(id.as_str()), Ok(id.clone()));
        assert!(JobId::parse(id.as_str()).is_err());
        assert!(EventId::parse("evt_xyz").is_err());
    }
}
