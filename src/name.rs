//! The names of realms and clients.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::json::Json;

/// A realm's name: 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RealmName(String);

impl RealmName {
    /// Reads a name; `None` for what can be no realm's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next()?.is_ascii_alphanumeric();
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (first && rest && text.len() <= 64).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RealmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client's name: 1 to 255 printable ASCII characters (RFC 6749 appendix A.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct ClientId(String);

impl ClientId {
    /// Reads an id; `None` for a text that can be no client's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        (printable && !text.is_empty() && text.len() <= 255).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this client's record in a key-value store, at most 327 octets.
    #[must_use]
    pub fn record_key(&self, realm: &RealmName) -> String {
        format!("{}{}", Self::record_prefix(realm), self.0)
    }

    /// What the keys of all records of a realm begin with.
    #[must_use]
    pub fn record_prefix(realm: &RealmName) -> String {
        format!("client/{realm}/")
    }
}

impl Json for ClientId {
    fn to_json(&self) -> Value {
        self.as_str().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
