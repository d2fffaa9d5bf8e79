//! JWK Sets that others write (RFC 7517 §5): what can be used of them, and what was wrong with the
//! rest.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::jwk::{KeyError, KeySetError, PublicKey};
use crate::json::{JsonError, Object, put};

/// Public keys of somebody else. "Implementations SHOULD ignore JWKs within a JWK Set that use
/// `kty` values that are not understood by them, that are missing required members, or for which
/// values are out of the supported ranges" (RFC 7517 §5).
#[derive(Debug, Default)]
pub struct PublicKeys {
    /// Those that can be used. Several may have one name.
    pub usable: Vec<PublicKey>,
    /// The others.
    pub ignored: Vec<IgnoredKey>,
}

/// A key of a set that is not used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IgnoredKey {
    /// Which key, from 1.
    position: usize,
    kid: Option<String>,
    /// Why.
    pub error: KeyError,
}

/// The most that are told by name.
const MAX_TOLD: usize = 5;

/// The longest part of a `kid` that is told.
const MAX_KID: usize = 64;

impl PublicKeys {
    /// Reads the text of a JWK Set. A byte order mark before it is ignored (RFC 8259 §8.1).
    ///
    /// # Errors
    /// [`KeySetError`] when it is no set, or when none of its keys can be used and one was to be.
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        /// Each key is read by itself, so that one with repeated members spoils no other.
        #[derive(Deserialize)]
        struct Set<'a> {
            #[serde(borrow)]
            keys: Option<&'a RawValue>,
        }

        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let set = serde_json::from_str::<Set<'_>>(text).map_err(|error| JsonError::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        let keys = set.keys.ok_or(JsonError::Missing(KEYS))?;
        let keys = serde_json::from_str::<Vec<&RawValue>>(keys.get());
        let keys = keys.map_err(|_| NOT_A_LIST)?;
        Self::of(keys.into_iter().map(|key| Object::parse(key.get()).ok()))
    }

    /// Reads a set that is a value already.
    ///
    /// # Errors
    /// [`KeySetError`], as above.
    pub fn from_value(set: &Value) -> Result<Self, KeySetError> {
        let object = set.as_object();
        let object = object.ok_or(JsonError::Malformed { line: 0, column: 0 })?;
        let keys = object.get(KEYS).ok_or(JsonError::Missing(KEYS))?;
        let keys = keys.as_array().ok_or(NOT_A_LIST)?;
        let objects = keys.iter().map(|key| Object::from_value(key.clone()).ok());
        Self::of(objects)
    }

    fn of(keys: impl Iterator<Item = Option<Object>>) -> Result<Self, KeySetError> {
        let mut set = Self::default();
        for (key, position) in keys.zip(1..) {
            let kid = key.as_ref().and_then(|key| key.get("kid")?.as_str());
            let kid = kid.map(str::to_owned);
            match key.ok_or(KeyError::NotAnObject).and_then(PublicKey::parse) {
                Ok(key) if set.usable.contains(&key) => (),
                Ok(key) => set.usable.push(key),
                Err(error) => set.ignored.push(IgnoredKey {
                    position,
                    kid,
                    error,
                }),
            }
        }
        // A set of nothing but other kinds of keys is a good one without any for us.
        let is_wrong = |key: &&IgnoredKey| key.error != KeyError::OtherKind;
        match set.ignored.iter().find(is_wrong) {
            Some(IgnoredKey {
                position, error, ..
            }) if set.usable.is_empty() => Err(KeySetError::Key {
                position: *position,
                error: error.clone(),
            }),
            _ => Ok(set),
        }
    }

    /// The set without what is ignored, as it is written to a record, and what that is. A private
    /// key is refused: whoever sends one should know that it is public now.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn without_ignored(set: &Value) -> Result<(Value, Self), KeySetError> {
        let read = Self::from_value(set)?;
        for key in &read.ignored {
            if key.error == KeyError::Private {
                return Err(KeySetError::Key {
                    position: key.position,
                    error: KeyError::Private,
                });
            }
        }
        let is_used = |position| read.ignored.iter().all(|key| key.position != position);
        let keys = set
            .get(KEYS)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let keys = keys.zip(1..).filter(|(_, position)| is_used(*position));
        let mut written = Map::new();
        put(
            &mut written,
            KEYS,
            keys.map(|(key, _)| key.clone()).collect(),
        );
        Ok((Value::Object(written), read))
    }

    /// What is to be told of those that are ignored; nothing if there are none.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let told = self.ignored.iter().take(MAX_TOLD);
        let told = told.map(ToString::to_string).collect::<Vec<_>>().join("; ");
        match self.ignored.len().saturating_sub(MAX_TOLD) {
            0 => Some(told).filter(|told| !told.is_empty()),
            more => Some(format!("{told}; and {more} more")),
        }
    }
}

/// Its position, its name in quotes if it has one, and why it is ignored.
impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.position)?;
        if let Some(kid) = &self.kid {
            let kid = kid.chars().take(MAX_KID).collect::<String>();
            write!(f, " {kid:?}")?;
        }
        write!(f, ": {}", self.error)
    }
}

const KEYS: &str = "keys";
const NOT_A_LIST: JsonError = JsonError::Invalid {
    member: KEYS,
    expected: "an array",
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    /// The key of RFC 7515 A.3, changed.
    fn jwk(change: impl FnOnce(&mut Value)) -> Value {
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y });
        change(&mut jwk);
        jwk
    }

    #[test]
    fn what_is_told_is_bounded_and_quoted() {
        let bad = |kid: &str| json!({ "kty": "RSA", "kid": kid });
        let keys = (0..9).map(|at| bad(&format!("{at}\n{}", "k".repeat(100))));
        let keys = keys.chain([jwk(|_| ())]).collect::<Vec<_>>();
        let set = PublicKeys::from_value(&json!({ "keys": keys })).unwrap();
        assert_eq!(set.usable.len(), 1);
        let told = set.told().unwrap();
        assert!(told.starts_with("key 1 \"0\\nkkk"), "{told}");
        assert!(told.ends_with("; and 4 more"), "{told}");
        assert!(told.len() < 800 && !told.contains('\n'), "{told}");
        let good = PublicKeys::from_value(&json!({ "keys": [jwk(|_| ())] })).unwrap();
        assert_eq!(good.told(), None);
    }

    #[test]
    fn what_is_written_is_without_what_is_ignored_and_never_private() {
        let (good, named) = (jwk(|_| ()), jwk(|jwk| jwk["kid"] = "a".into()));
        let set = json!({ "keys": [{ "kty": "RSA" }, good, 1, named], "more": 1 });
        let (written, read) = PublicKeys::without_ignored(&set).unwrap();
        assert_eq!(written, json!({ "keys": [good, named] }));
        assert_eq!(read.ignored.len(), 2);
        for private in [
            json!({ "kty": "RSA", "d": "AQAB" }),
            json!({ "kty": "oct", "k": "AQAB" }),
            json!({ "kty": "RSA", "p": "AQAB" }),
            jwk(|jwk| jwk["d"] = 1.into()),
        ] {
            let set = json!({ "keys": [good, private] });
            let error = PublicKeys::without_ignored(&set).unwrap_err();
            assert_eq!(error.to_string(), "key 2: it is a private key", "{private}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_key_beside_it_takes_a_good_one_away(noise in "[ -~]{0,40}", text in r#"\{("[a-z]":[0-9],?){0,3}\}"#) {
            let good = jwk(|_| ());
            for beside in [serde_json::to_string(&noise).unwrap(), text] {
                if serde_json::from_str::<Value>(&beside).is_ok() {
                    let set = format!("\u{feff}{{\"keys\":[{beside},{good}]}}");
                    assert_eq!(PublicKeys::parse(&set).unwrap().usable.len(), 1, "{set}");
                }
            }
        }
    }
}
